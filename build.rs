//! Compiles the wire protocols with a protobuf compiler written in Rust, so that a build needs no `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let exchange = protox::compile(["proto/exchange.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".")
        .extern_path(".node", "crate::wire::proto")
        // The service stands directly on HTTP/2, as P2PFL's does.
        .build_client(false)
        .build_server(false)
        .compile_fds(exchange)?;
    // Last, for what the other imports is written as well, and empty.
    let node = protox::compile(["proto/node.proto"], ["proto"])?;
    tonic_prost_build::configure().bytes(".").compile_fds(node)?;
    Ok(())
}
