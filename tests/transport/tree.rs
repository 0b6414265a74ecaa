//! What the program is built with, if nobody asks for more.

use std::process::Command;

fn crates() -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--locked", "--offline"])
        .output()
        .unwrap();
    let text = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let crates: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(crates.iter().any(|it| it == "tokio-tungstenite"), "{text}");
    crates
}

#[test]
fn without_the_feature_no_crate_of_libp2p_is_in_the_tree() {
    for name in crates() {
        let part = ["libp2p", "multistream", "yamux", "multiaddr"];
        assert!(!part.iter().any(|it| name.starts_with(it)), "{name} is there");
    }
}

/// tonic is there for gRPC's statuses. Its client, its server and the web framework below them are for benchmarks.
#[test]
fn of_tonic_neither_client_nor_server_is_in_the_tree() {
    for name in crates() {
        assert!(!["axum", "tower", "tonic-prost"].contains(&&*name), "{name} is there");
    }
}
