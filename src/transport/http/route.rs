//! Which request is which call: paths, methods and media types.

use super::problem::Refused;
use crate::transport::socket::Refusal;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{Method, StatusCode};

/// The path of `handshake`.
pub const HANDSHAKE: &str = "/v1/handshake";
/// The path of `disconnect`.
pub const DISCONNECT: &str = "/v1/disconnect";
/// The path of `send`.
pub const MESSAGES: &str = "/v1/messages";
/// Where the interface is described.
pub const DESCRIPTION: &str = "/openapi.json";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// One of the three calls.
    Call(Which),
    /// Whether anybody is there, and what methods there are.
    Options(&'static str),
    /// What there is.
    Description,
}

/// Which of the three calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The caller wants to be a neighbour.
    Handshake,
    /// The caller is a neighbour no more.
    Disconnect,
    /// A message.
    Send,
}

/// What a path takes.
const CALL: &str = "OPTIONS, POST";
const DOCUMENT: &str = "GET, HEAD, OPTIONS";

/// Finds out what is asked for by the head of a request.
///
/// # Errors
/// If there is no such path, or it takes another method or another type of content.
pub fn route(head: &Parts) -> Result<Route, Refused> {
    let (method, path) = (&head.method, head.uri.path());
    let which = match path {
        MESSAGES => Which::Send,
        HANDSHAKE => Which::Handshake,
        DISCONNECT => Which::Disconnect,
        DESCRIPTION if method == Method::GET || method == Method::HEAD => return Ok(Route::Description),
        DESCRIPTION if method == Method::OPTIONS => return Ok(Route::Options(DOCUMENT)),
        DESCRIPTION => return Err(Refused::method(DOCUMENT)),
        "*" if method == Method::OPTIONS => return Ok(Route::Options(CALL)),
        _ => {
            let detail = format!("there are {HANDSHAKE}, {DISCONNECT}, {MESSAGES} and {DESCRIPTION}");
            return Err(Refused::new(Refusal::Method, StatusCode::NOT_FOUND, detail));
        }
    };
    if method == Method::OPTIONS {
        return Ok(Route::Options(CALL));
    }
    if method != Method::POST {
        return Err(Refused::method(CALL));
    }
    // A page in a browser may not send JSON to whomever it likes, but may send what has another type or none.
    let kind = head.headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    if !kind.is_some_and(is_json) {
        return Err(unsupported("it takes application/json"));
    }
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(unsupported("it takes no compressed content"));
    }
    Ok(Route::Call(which))
}

fn unsupported(detail: &str) -> Refused {
    Refused::new(Refusal::Protocol, StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

/// Whether a media type is JSON's, whatever its parameters.
fn is_json(kind: &[u8]) -> bool {
    const JSON: &[u8] = b"application/json";
    kind == JSON
        || kind.split(|&it| it == b';').next().is_some_and(|it| it.trim_ascii().eq_ignore_ascii_case(JSON))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn asked(method: &str, path: &str, kind: Option<&str>) -> Result<Route, u16> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        route(&request.body(()).unwrap().into_parts().0).map_err(|it| it.into_response().status().as_u16())
    }

    #[test]
    fn each_call_has_its_path() {
        let json = Some("application/json");
        assert_eq!(asked("POST", "/v1/messages", json), Ok(Route::Call(Which::Send)));
        assert_eq!(asked("POST", "/v1/handshake", json), Ok(Route::Call(Which::Handshake)));
        assert_eq!(asked("POST", "/v1/disconnect?a=b", json), Ok(Route::Call(Which::Disconnect)));
        assert_eq!(asked("GET", "/openapi.json", None), Ok(Route::Description));
        assert_eq!(asked("OPTIONS", "*", None), Ok(Route::Options(CALL)));
        assert_eq!(asked("OPTIONS", "/v1/messages", None), Ok(Route::Options(CALL)));
    }

    #[test]
    fn json_is_known_by_its_media_type_whatever_its_case_and_parameters() {
        for kind in ["application/json", "Application/JSON", "application/json; charset=utf-8"] {
            assert_eq!(asked("POST", "/v1/messages", Some(kind)), Ok(Route::Call(Which::Send)), "{kind}");
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonl", ""] {
            assert_eq!(asked("POST", "/v1/messages", Some(kind)), Err(415), "{kind}");
        }
        assert_eq!(asked("POST", "/v1/messages", None), Err(415));
    }

    #[test]
    fn what_there_is_not_is_refused_with_what_there_is() {
        assert_eq!(asked("GET", "/v1/messages", None), Err(405));
        assert_eq!(asked("POST", "/openapi.json", Some("application/json")), Err(405));
        assert_eq!(asked("POST", "/v1/message", Some("application/json")), Err(404));
        assert_eq!(asked("GET", "/", None), Err(404));
    }
}
