//! Nothing but a home for the tests: `tests/tests` has them, `tests/hostile` the traders that they run the host against.
