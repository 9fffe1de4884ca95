// Runs every check against the stand-in that the environment names; ends with 1 if one failed.

import { runAll } from './harness.mjs'
import './checks/rest.mjs'
import './checks/errors.mjs'
import './checks/keys.mjs'
import './checks/storage.mjs'
import './checks/realtime.mjs'

process.exit((await runAll()) === 0 ? 0 : 1)
