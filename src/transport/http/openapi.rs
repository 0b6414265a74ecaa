//! The description of the interface (OpenAPI 3.1), generated from its types: for programs that call, and for people who
//! write them.

use super::json::{DirectMessage, GossipMessage, HandShakeRequest, ResponseMessage, RootMessage, Weights};
use super::problem::Problem;
use super::route::{DESCRIPTION, DISCONNECT, HANDSHAKE, MESSAGES};
use bytes::Bytes;
use std::sync::LazyLock;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItemBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required,
    ResponseBuilder, Schema,
};

const ABOUT: &str = "The three calls of P2PFL's service `NodeServices`, as requests with JSON. Messages are those of its \
`.proto` file, in the JSON that protobuf defines: names in lowerCamelCase, 64-bit integers as strings, bytes in base64. \
Every node is a server at its own address, and calls the others at theirs.\n\n\
What a node has against a message is said in `error`, with status 200. A status beside says that there was no message; it \
comes with a problem (RFC 9457). A path that there is not has status 404, a method that a path does not take 405, and a \
head that is too large 431.";

/// What a refusal of a call may be, beside what is the same for every server.
const REFUSALS: [(u16, &str); 6] = [
    (400, "The content is no JSON, or none of the type that it should be: `detail` says where."),
    (408, "The request did not come to its end in time."),
    (413, "The message is larger than the node takes."),
    (415, "The content is not `application/json`, or is compressed."),
    (429, "Unfinished requests hold all the memory that they may."),
    (503, "The node does not answer."),
];

/// The description.
pub fn description() -> OpenApi {
    let info = InfoBuilder::new()
        .title("A node of P2PFL")
        .version("1.0.0")
        .description(Some(ABOUT))
        .license(Some(
            LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build(),
        ))
        .build();
    let components = ComponentsBuilder::new()
        .schema_from::<RootMessage<'_>>()
        .schema_from::<GossipMessage<'_>>()
        .schema_from::<DirectMessage<'_>>()
        .schema_from::<Weights<'_>>()
        .schema_from::<HandShakeRequest<'_>>()
        .schema_from::<ResponseMessage<'_>>()
        .schema_from::<Problem<'_>>()
        .build();
    let document = OperationBuilder::new()
        .summary(Some("This description"))
        .operation_id(Some("describe"))
        .response("200", ResponseBuilder::new().description("It.").content("application/json", anything()));
    let paths = PathsBuilder::new()
        .path(
            HANDSHAKE,
            item(
                call("handshake", "HandShakeRequest", true)
                    .summary(Some("Become a neighbour"))
                    .description(Some("The caller, at the address that it says, wants to be a neighbour.")),
            ),
        )
        .path(
            DISCONNECT,
            item(
                call("disconnect", "HandShakeRequest", false)
                    .summary(Some("Be a neighbour no more"))
                    .description(Some("Whatever the node makes of it, it answers nothing.")),
            ),
        )
        .path(
            MESSAGES,
            item(
                call("send", "RootMessage", true)
                    .summary(Some("Send a message"))
                    .description(Some("It is answered when the node has done what it says.")),
            ),
        )
        .path(DESCRIPTION, PathItemBuilder::new().operation(HttpMethod::Get, document).build());
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

/// The description as it is kept in `docs/openapi.json` and printed by `p2pfl-sim schema openapi`.
pub fn text() -> String {
    let document = serde_json::to_value(description()).expect("a description can be written as JSON");
    format!("{document:#}\n")
}

/// The description as it is served.
pub(super) fn served() -> Bytes {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| text().into());
    TEXT.clone()
}

fn item(call: OperationBuilder) -> utoipa::openapi::PathItem {
    PathItemBuilder::new()
        .operation(HttpMethod::Post, call)
        .operation(HttpMethod::Options, greeting())
        .build()
}

fn call(id: &str, request: &str, waits: bool) -> OperationBuilder {
    let content = ContentBuilder::new().schema(Some(reference(request))).build();
    let request =
        RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content).build();
    let answer = ContentBuilder::new().schema(Some(reference("ResponseMessage"))).build();
    let answer = ResponseBuilder::new()
        .description("The node took it. What it has against it, if anything, is in `error`.")
        .content("application/json", answer);
    let mut call =
        OperationBuilder::new().operation_id(Some(id)).request_body(Some(request)).response("200", answer);
    if waits {
        call = call.parameter(prefer());
    }
    for (status, description) in REFUSALS {
        let problem = ContentBuilder::new().schema(Some(reference("Problem"))).build();
        let refusal =
            ResponseBuilder::new().description(description).content("application/problem+json", problem);
        call = call.response(status.to_string(), refusal);
    }
    call
}

/// What a client asks before anything else, to see whether anybody is there.
fn greeting() -> Operation {
    let header = |description: &str| HeaderBuilder::new().description(Some(description)).build();
    let answer = ResponseBuilder::new()
        .description("A node is there.")
        .header("Allow", header("The methods that the path takes."))
        .header("Keep-Alive", header("`timeout=` seconds that a connection without a request is kept."))
        .build();
    OperationBuilder::new().summary(Some("Ask whether a node is there")).response("204", answer).build()
}

fn prefer() -> Parameter {
    let wait = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^wait=[0-9]+$")).build();
    ParameterBuilder::new()
        .name("Prefer")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("How many seconds the caller waits for the answer (RFC 7240)."))
        .schema(Some(wait))
        .build()
}

fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

fn anything() -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Object).build())).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_in_the_repository_is_that_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, text()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == text(),
            "refresh it: UPDATE_SCHEMA=1 cargo test --lib the_description_in_the_repository"
        );
    }
}
