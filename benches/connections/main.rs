//! What a connection costs that nothing is said on: bytes of heap at both ends, over each transport, beside what the program
//! says that they are, and over each protocol beside the library that it stands on; and what is left of a message of 1 MB that
//! has gone over it. It fails where the program says something else.
//!
//! Bytes are counted at the allocator, so that the figures do not depend on what else the machine does. `cargo bench --bench
//! connections` runs everything, with `-- grpc-stream` or another protocol a part of it.

#[path = "../transports/bare/mod.rs"]
mod bare;
mod heap;
#[path = "../transports/io.rs"]
mod io;
#[path = "../transports/ours.rs"]
mod ours;
#[path = "../transports/pair.rs"]
mod pair;
mod stated;

use anyhow::{Result, ensure};
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::socket::{Address, Security};
use p2pfl_sim::wire::proto;
use pair::Bare;
use std::sync::Arc;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

/// HTTP/2's windows and frames, the same for all.
const WINDOW: u32 = 16 << 20;
const FRAME: u32 = 256 << 10;
/// Connections, each with a server of its own: what a single one has by chance evens out.
const CONNECTIONS: usize = 50;
/// Long enough for what ends on its own to have ended.
const SETTLED: Duration = Duration::from_millis(200);

/// KiB for each connection.
struct Held {
    idle: f64,
    after_a_megabyte: f64,
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|arg| arg == "--test");
    let asked = |what: &str| std::env::args().any(|arg| arg == what);
    let any = Protocol::ALL.iter().any(|it| asked(it.name()));
    let connections = if quick { 2 } else { CONNECTIONS };
    let off = stated::check(|it| !any || it.on_sockets().is_some_and(|(it, _)| asked(it.name())))?;
    println!();
    println!("Heap of a connection, both ends and their server, in KiB; idle, and after a message of 1 MB");
    println!("                          bare loop          ours        ours : bare");
    println!("                         idle   after     idle   after    idle  after : idle");
    for &protocol in Protocol::ALL.iter().filter(|it| !any || asked(it.name())) {
        for secure in [false, true] {
            if secure && !pair::goes(protocol, "tls") {
                continue;
            }
            let security = if secure { Security::generate(true, &[])? } else { Security::Plain };
            let at: Address = "127.0.0.1:0".parse()?;
            let bare = weigh(connections, async || Bare::new(protocol, &at, &security).await)?;
            let endpoint = ours::endpoint(protocol, &security);
            let ours = weigh(connections, async || ours::Pair::new(&endpoint, &at).await)?;
            println!(
                "  {:<18} {:8.1} {:7.1} {:8.1} {:7.1} {:7.2} {:7.2}",
                format!("{}{}", protocol.name(), if secure { "+tls" } else { "" }),
                bare.idle,
                bare.after_a_megabyte,
                ours.idle,
                ours.after_a_megabyte,
                ours.idle / bare.idle,
                ours.after_a_megabyte / ours.idle,
            );
        }
    }
    ensure!(off.is_empty(), "stated otherwise in src/costs/memory.rs: {}", off.join(", "));
    Ok(())
}

/// A pair of ends, connected.
trait Pair {
    async fn calls(&self, message: &Arc<proto::RootMessage>, in_flight: usize, calls: usize) -> Result<()>;
}

impl Pair for Bare {
    async fn calls(&self, message: &Arc<proto::RootMessage>, in_flight: usize, calls: usize) -> Result<()> {
        Bare::calls(self, message, in_flight, calls).await
    }
}

impl Pair for ours::Pair {
    async fn calls(&self, message: &Arc<proto::RootMessage>, in_flight: usize, calls: usize) -> Result<()> {
        ours::Pair::calls(self, message, in_flight, calls).await
    }
}

/// A runtime of its own for each, so that one leaves nothing to the other.
fn weigh<P: Pair>(connections: usize, connect: impl AsyncFn() -> Result<P>) -> Result<Held> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (small, large) = (message(64), message(1_000_000));
        // What is made once for all of them does not count.
        let first = connect().await?;
        first.calls(&large, 1, 1).await?;
        tokio::time::sleep(SETTLED).await;
        let before = heap::held();
        let mut pairs = Vec::with_capacity(connections);
        for _ in 0..connections {
            let pair = connect().await?;
            pair.calls(&small, 1, 1).await?;
            pairs.push(pair);
        }
        tokio::time::sleep(SETTLED).await;
        let idle = heap::held() - before;
        for pair in &pairs {
            pair.calls(&large, 1, 1).await?;
        }
        tokio::time::sleep(SETTLED).await;
        let each = |bytes: i64| bytes as f64 / connections as f64 / 1_024.0;
        Ok(Held { idle: each(idle), after_a_megabyte: each(heap::held() - before) })
    })
}

fn message(model: usize) -> Arc<proto::RootMessage> {
    let weights = proto::Weights { weights: vec![7; model].into(), contributors: Vec::new(), num_samples: 1 };
    Arc::new(proto::RootMessage {
        source: "127.0.0.1:40000".into(),
        round: Some(1),
        cmd: "partial_model".into(),
        payload_type: Some(proto::root_message::PayloadType::Weights(weights)),
    })
}
