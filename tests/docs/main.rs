//! Holds `README.md` and `docs/` true: `commands` runs what they show, `links` follows where they point and holds the
//! order of the chapters, `help` reads the examples of `--help`. What the pages of reference say of fields is held
//! elsewhere: `tests/scenario_page.rs` and `src/report/documented.rs`.

mod commands;
mod help;
mod links;
mod page;
