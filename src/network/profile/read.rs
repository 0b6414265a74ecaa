//! Reading a profile. A file is data of unknown origin: its size is bounded, and every number is checked.

use super::{Profile, SCHEMA, TransportProfile};
use crate::network::error::NetworkError;
use crate::network::file;
use std::fmt::Display;
use std::path::Path;

/// The largest file that is read.
const MAX_FILE: u64 = 1 << 20;
/// The most CPU time that anything may take: a minute. More is a slip of the keyboard.
const MAX_S: f64 = 60.0;
/// The most bytes that anything may add.
const MAX_BYTES: f64 = 1e9;
/// The most bytes on the wire for one of payload.
const MAX_FACTOR: f64 = 100.0;
/// The most round trips.
const MAX_ROUND_TRIPS: u32 = 100;

/// Reads what a profile says of one transport. `path` is a setting's, for the errors.
///
/// # Errors
/// A file that cannot be read or is no profile, a transport that is not in it, a number that cannot be.
pub fn read(file: &Path, transport: &str) -> Result<TransportProfile, NetworkError> {
    let wrong = |why: &dyn Display| {
        NetworkError::new("profile.file", format!("is no profile: {}: {why}", file.display()))
    };
    let text = file::read("profile.file", file, MAX_FILE)?;
    let profile = parse(&text).map_err(|why| wrong(&why))?;
    match profile.transports.get(transport) {
        Some(found) => Ok(*found),
        None => {
            let known: Vec<&str> = profile.transports.keys().map(String::as_str).collect();
            let message = format!("is {transport}, and {} has {}", file.display(), listed(&known));
            Err(NetworkError::new("profile.transport", message))
        }
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Reads the text of one.
fn parse(text: &str) -> Result<Profile, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let profile: Profile = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
    reader.end().map_err(|error| error.to_string())?;
    if profile.schema != SCHEMA {
        return Err(format!("schema: it is {:?}, and this program reads {SCHEMA:?}", profile.schema));
    }
    for (name, it) in &profile.transports {
        it.check().map_err(|(field, why)| format!("transports.{name}.{field}: {why}"))?;
    }
    Ok(profile)
}

impl TransportProfile {
    /// What is wrong, and where.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let Self { sender, receiver, bytes, connection } = self;
        within("sender.alone_s", sender.alone_s, MAX_S)?;
        within("sender.queued_s", sender.queued_s, MAX_S)?;
        within("sender.byte_s", sender.byte_s, MAX_S)?;
        within("receiver.alone_s", receiver.alone_s, MAX_S)?;
        within("receiver.queued_s", receiver.queued_s, MAX_S)?;
        within("receiver.byte_s", receiver.byte_s, MAX_S)?;
        within("bytes.message", bytes.message, MAX_BYTES)?;
        within("bytes.payload", bytes.payload, MAX_FACTOR)?;
        within("bytes.answer", bytes.answer, MAX_BYTES)?;
        let Some(it) = connection else { return Ok(()) };
        within("connection.bytes", it.bytes, MAX_BYTES)?;
        within("connection.sender_s", it.sender_s, MAX_S)?;
        within("connection.receiver_s", it.receiver_s, MAX_S)?;
        if it.round_trips > MAX_ROUND_TRIPS {
            let why = format!("it is {}; it must be {MAX_ROUND_TRIPS} at most", it.round_trips);
            return Err(("connection.round_trips", why));
        }
        Ok(())
    }
}

fn within(field: &'static str, value: f64, most: f64) -> Result<(), (&'static str, String)> {
    if (0.0..=most).contains(&value) {
        return Ok(());
    }
    Err((field, format!("it is {value}; it must be 0 to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn profile(change: impl FnOnce(&mut Value)) -> String {
        let end = json!({ "alone_s": 12e-6, "queued_s": 8e-6, "byte_s": 2e-10 });
        let mut value = json!({
            "schema": SCHEMA,
            "transports": { "grpc": {
                "sender": end, "receiver": end,
                "bytes": { "message": 47, "payload": 1.001, "answer": 36 },
                "connection": { "round_trips": 2, "bytes": 300, "sender_s": 7e-5, "receiver_s": 7e-5 },
            } }
        });
        change(&mut value);
        value.to_string()
    }

    #[test]
    fn what_is_written_is_read() {
        let read = parse(&profile(|_| {})).unwrap();
        assert_eq!(read.transports["grpc"].bytes.message, 47.0);
        assert_eq!(parse(&serde_json::to_string(&read).unwrap()), Ok(read));
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_place() {
        let error = |change: fn(&mut Value)| parse(&profile(change)).unwrap_err();
        for (text, said) in [
            (error(|it| it["schema"] = json!("p2pfl-sim/profile/9")), "schema"),
            (
                error(|it| it["transports"]["grpc"]["sender"]["byte_s"] = json!(-1)),
                "transports.grpc.sender.byte_s",
            ),
            (error(|it| it["transports"]["grpc"]["bytes"]["payload"] = json!(1e4)), "0 to 100"),
            (
                error(|it| it["transports"]["grpc"]["connection"]["round_trips"] = json!(101)),
                "connection.round_trips",
            ),
            (error(|it| it["transports"]["grpc"]["speed"] = json!(1)), "unknown field `speed`"),
            (error(|it| it["transports"] = json!([])), "transports"),
        ] {
            assert!(text.contains(said), "{text}");
        }
    }

    #[test]
    fn a_transport_that_is_not_in_it_is_refused_with_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profile.json");
        std::fs::write(&file, profile(|_| {})).unwrap();
        assert!(read(&file, "grpc").is_ok());
        let error = read(&file, "carrier-pigeon").unwrap_err();
        assert_eq!(error.path(), "network.profile.transport");
        assert!(error.to_string().contains("grpc"), "{error}");
        let error = read(folder.path(), "grpc").unwrap_err();
        assert_eq!(error.path(), "network.profile.file");
        assert!(error.to_string().contains("regular file"), "{error}");
    }
}
