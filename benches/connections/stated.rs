//! What a connection of each transport holds, beside what `costs::ConnectionMemory` says that it does.

use crate::{SETTLED, heap, message, ours};
use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use p2pfl_sim::costs::{ConnectionMemory, LARGE};
use p2pfl_sim::scenario::{Carrier, Transport};
use p2pfl_sim::transport::Channel;
use p2pfl_sim::transport::socket::{Address, Body, Redial, Security};
use std::sync::Arc;
use std::time::Duration;

/// Connections that are held at a time. They have one server, as the neighbours of a node do. What is allocated by chance, for
/// all of them together, is some 80 KiB: a hundredth of what so many hold.
const CONNECTIONS: u32 = 100;
/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many times as much as is stated may be measured, or as little. The same program measures
/// the same to two hundredths, optimised or not; a field more, or a future that another compiler lays out otherwise, is no
/// matter to whoever plans with such figures. A buffer of 16 KiB that is kept where it was not is more than this for all of them.
const TOLERATED: f64 = 1.1;

/// Prints the table of the transports, and says which of them are no longer what is stated.
pub fn check(is_asked_for: impl Fn(Transport) -> bool) -> Result<Vec<&'static str>> {
    println!(
        "Heap of a connection, both ends, in bytes: measured, stated (src/costs/memory.rs), and their ratio"
    );
    println!("                            just opened                after a message of 1 MB");
    let mut off = Vec::new();
    for &transport in Transport::value_variants().iter().filter(|it| is_asked_for(**it)) {
        let Some(measured) = measured(transport)? else { continue };
        let stated =
            ConnectionMemory::of(transport).context("what has connections has their memory stated")?;
        let ratios = [measured.idle / stated.idle, measured.after_large / stated.after_large];
        let is_off = ratios.iter().any(|it| !(1.0 / TOLERATED..=TOLERATED).contains(it));
        println!(
            "  {:<18} {:9.0} {:9.0} {:6.3}    {:9.0} {:9.0} {:6.3}{}",
            transport.name(),
            measured.idle,
            stated.idle,
            ratios[0],
            measured.after_large,
            stated.after_large,
            ratios[1],
            if is_off { "  <- off" } else { "" }
        );
        off.extend(is_off.then_some(transport.name()));
    }
    Ok(off)
}

/// Nothing for what has no connections.
fn measured(transport: Transport) -> Result<Option<ConnectionMemory>> {
    let Some((protocol, carrier)) = transport.on_sockets() else { return Ok(None) };
    let security = match carrier {
        Carrier::Tcp | Carrier::Unix => Security::Plain,
        Carrier::Tls { mutual } => Security::generate(mutual, &[])?,
    };
    let folder = tempfile::tempdir()?;
    let at = match carrier {
        Carrier::Unix => Address::unix(&folder.path().join("node"))?,
        Carrier::Tcp | Carrier::Tls { .. } => "127.0.0.1:0".parse()?,
    };
    // A runtime of its own for each, so that one leaves nothing to the other.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let endpoint = ours::endpoint(protocol, &security);
        let listener = endpoint.of_node(|| [255; 32]).bind(&at)?;
        let to = listener.address().clone();
        let _server = endpoint.of_node(|| [255; 32]).serve(listener, Arc::new(ours::Yes))?;
        // Each is of a node of its own: between two nodes that have an identity there is only one connection.
        let channel = |node: u8| endpoint.of_node(|| [node; 32]).channel(to.clone(), Redial::Never);
        let large = message(LARGE);
        let send = async |channel: &Channel| {
            channel.send(Body::Message(Arc::clone(&large)), PATIENCE).await.map(drop)
        };
        // What is allocated once for all connections is with the first.
        let first = channel(1);
        send(&first).await?;
        tokio::time::sleep(SETTLED).await;
        let channels: Vec<Channel> = (0..CONNECTIONS).map(|it| channel(2 + it as u8)).collect();
        let before = heap::held();
        let each = || (heap::held() - before) as f64 / f64::from(CONNECTIONS);
        for channel in &channels {
            channel.open(PATIENCE).await?;
        }
        tokio::time::sleep(SETTLED).await;
        let idle = each();
        for channel in &channels {
            send(channel).await?;
        }
        tokio::time::sleep(SETTLED).await;
        Ok(Some(ConnectionMemory { idle, after_large: each() }))
    })
}
