//! The indicators against TA-Lib, and against plain ones where it has none, on 51,000 real candles and on those that break
//! things. `SOURCES.md` beside this file says where the candles are from.

mod columns;
mod every;
mod golden;
mod properties;
mod series;
mod table;
