//! `--transport`: the names of transports, and what is said of one that this program was built without.

use crate::scenario::Transport;
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error, ValueEnum as _};
use std::ffi::OsStr;

/// Reads the name of a transport.
#[derive(Clone, Debug)]
pub struct Named(EnumValueParser<Transport>);

/// What reads the name of a transport.
pub fn named() -> Named {
    Named(EnumValueParser::new())
}

impl TypedValueParser for Named {
    type Value = Transport;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Transport, Error> {
        match value.to_str().and_then(|name| Some((name, Transport::not_built(name)?))) {
            Some((name, help)) => {
                let option = arg.map(|it| format!(" for '{it}'")).unwrap_or_default();
                Err(cmd
                    .clone()
                    .error(ErrorKind::InvalidValue, format!("there is no '{name}'{option}: {help}")))
            }
            None => self.0.parse_ref(cmd, arg, value),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}

/// A transport, or all of them.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    All,
    One(Transport),
}

impl Choice {
    /// The transports that it stands for.
    pub fn transports(self) -> Vec<Transport> {
        match self {
            Self::All => Transport::value_variants().to_vec(),
            Self::One(transport) => vec![transport],
        }
    }
}

/// Reads the name of a transport, or `all`.
#[derive(Clone, Debug)]
pub struct NamedOrAll(Named);

/// What reads the name of a transport, or `all`.
pub fn named_or_all() -> NamedOrAll {
    NamedOrAll(named())
}

impl TypedValueParser for NamedOrAll {
    type Value = Choice;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Choice, Error> {
        if value == "all" {
            return Ok(Choice::All);
        }
        self.0.parse_ref(cmd, arg, value).map(Choice::One)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = PossibleValue::new("all").help("Every transport");
        Some(Box::new(self.0.possible_values()?.chain([all])))
    }
}
