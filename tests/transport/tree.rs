//! What the program is built with, if nobody asks for more.

use std::process::Command;

#[test]
fn without_the_feature_no_crate_of_libp2p_is_in_the_tree() {
    let tree = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--locked", "--offline"])
        .output()
        .unwrap();
    let text = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let crates: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"tokio-tungstenite"), "{text}");
    for name in crates {
        let part = ["libp2p", "multistream", "yamux", "multiaddr"];
        assert!(!part.iter().any(|it| name.starts_with(it)), "{name} is there");
    }
}
