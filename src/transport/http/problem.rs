//! Refusals: which status of HTTP says what, and how it is told (RFC 9457).

use super::text::Text;
use crate::transport::socket::Refusal;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tonic::{Code, Status};
use utoipa::ToSchema;

/// The media type of a problem.
pub const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was refused (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// `about:blank`: there is no more to it than its status.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Cow<'a, str>,
    /// What the status is called.
    #[schema(value_type = String, example = "Bad Request")]
    title: Cow<'a, str>,
    /// The status of HTTP.
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// What is wrong.
    #[schema(value_type = String, example = "expected `,` or `}` at line 1 column 17")]
    detail: Cow<'a, str>,
}

/// A request that is refused.
#[derive(Debug)]
pub struct Refused {
    /// As what it is counted; a node that does not answer has refused nothing.
    pub why: Option<Refusal>,
    status: StatusCode,
    detail: String,
    /// Methods that would have been right.
    allow: Option<&'static str>,
}

impl Refused {
    /// With a status, and what is wrong.
    pub fn new(why: Refusal, status: StatusCode, detail: impl Into<String>) -> Self {
        Self { why: Some(why), status, detail: detail.into(), allow: None }
    }

    /// Another method would be right.
    pub fn method(allow: &'static str) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self { allow: Some(allow), ..Self::new(Refusal::Method, status, format!("it takes {allow}")) }
    }

    /// As it is told.
    pub fn into_response(self) -> Response<Text> {
        let problem = Problem {
            kind: Cow::Borrowed("about:blank"),
            title: Cow::Borrowed(self.status.canonical_reason().unwrap_or_default()),
            status: self.status.as_u16(),
            detail: Cow::Owned(self.detail),
        };
        let text = serde_json::to_vec(&problem).expect("text and numbers can be written as JSON");
        let mut response = Response::new(Text::of(text));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM);
        if let Some(allow) = self.allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

impl From<&Status> for Refused {
    /// Statuses are paired as `google.rpc.Code` pairs them.
    fn from(status: &Status) -> Self {
        let code = match status.code() {
            Code::Ok => StatusCode::OK,
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
            Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self { why: None, status: code, detail: status.message().to_owned(), allow: None }
    }
}

/// What is worth knowing of a problem that somebody else tells.
#[derive(Deserialize)]
struct Told {
    detail: String,
}

/// What a refusal means to whoever called: the other way round, and what HTTP has beside.
pub fn status(code: StatusCode, text: &[u8]) -> Status {
    let meaning = match code.as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 | 405 | 501 => Code::Unimplemented,
        408 | 504 => Code::DeadlineExceeded,
        409 => Code::Aborted,
        413 | 429 | 431 => Code::ResourceExhausted,
        400..500 => Code::InvalidArgument,
        500 => Code::Internal,
        502 | 503 => Code::Unavailable,
        _ => Code::Unknown,
    };
    match serde_json::from_slice::<Told>(text) {
        Ok(told) => Status::new(meaning, format!("HTTP status {code}: {}", told.detail)),
        Err(_) => Status::new(meaning, format!("HTTP status {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_status_means_is_understood_at_the_other_end() {
        for code in [
            Code::InvalidArgument,
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::Aborted,
            Code::ResourceExhausted,
            Code::Unimplemented,
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Internal,
        ] {
            let refused = Refused::from(&Status::new(code, "because"));
            let back = status(refused.status, br#"{"detail": "because"}"#);
            assert_eq!(back.code(), code);
            assert!(back.message().ends_with(": because"), "{back}");
        }
    }

    #[test]
    fn a_refusal_without_a_problem_still_has_its_meaning() {
        let refused = status(StatusCode::PAYLOAD_TOO_LARGE, b"<html>too large</html>");
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.message().contains("413"), "{refused}");
    }
}
