//! Compiles the wire protocols with a protobuf compiler written in Rust, so that a build needs no `protoc`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let exchange = protox::compile(["proto/exchange.proto"], ["proto"])?;
    // Services stand directly on HTTP/2: of tonic's, no client and no server is needed.
    let messages = || tonic_prost_build::configure().bytes(".").build_client(false).build_server(false);
    messages().extern_path(".node", "crate::wire::proto").compile_fds(exchange)?;
    // Last, for what the other imports is written as well, and empty.
    let node = protox::compile(["proto/node.proto"], ["proto"])?;
    messages().compile_fds(node.clone())?;
    // What `benches/transports/bare/` stands beside them.
    let bare = Path::new(&std::env::var("OUT_DIR")?).join("bare");
    std::fs::create_dir_all(&bare)?;
    tonic_prost_build::configure()
        .extern_path(".node", "::p2pfl_sim::wire::proto")
        .out_dir(bare)
        .compile_fds(node)?;
    Ok(())
}
