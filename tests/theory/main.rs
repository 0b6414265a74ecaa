//! The event engine against mathematics: whole runs on the virtual clock, of which formulas say what must come out. One
//! file for each law or family of laws; `docs/theory.md` lists them with their sources and tolerances. `running` is how
//! all of them run a scenario. What nodes do under no engine at all is held in `src/node/tests/`.

mod averaging;
mod federated;
mod initiative;
mod line;
mod liveness;
mod losses;
mod pace;
mod pairs;
mod profiles;
mod quadratic;
mod queues;
mod round_trips;
mod rumors;
mod running;
mod slow_lines;
