//! What a call costs over each protocol, beside a bare loop of the library that it stands on, with the same message in the
//! same process: over TCP, Unix sockets and TLS, with 1 and 64 calls in flight, and with models of 1 and 10 MB.
//!
//! All ends are on one thread, and the loops take turns, so that the machine's mood hits all alike; what counts are the
//! ratios. `cargo bench --bench transports` runs everything; `-- grpc-stream`, `-- tcp`, `-- unix` or `-- tls` a part of it,
//! and `-- small` or `-- large` only such messages.

mod bare;
mod clocks;
#[path = "../shared/cpu.rs"]
mod cpu;
mod io;
mod ours;
mod pair;

use anyhow::Result;
use clocks::{Spent, measure};
use cpu::median;
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::socket::{Address, Security};
use p2pfl_sim::wire::proto;
use pair::Bare;
use std::sync::Arc;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// HTTP/2's windows and frames, the same for all.
const WINDOW: u32 = 16 << 20;
const FRAME: u32 = 256 << 10;

/// A kind of load.
struct Load {
    name: &'static str,
    model: usize,
    in_flight: usize,
    calls: usize,
}

fn main() -> Result<()> {
    // `cargo test --benches` passes --test: the benchmark then only has to run at all.
    let quick = std::env::args().any(|arg| arg == "--test");
    let asked = |what: &str| std::env::args().any(|arg| arg == what);
    let among = |what: &str, all: &[&str]| asked(what) || !all.iter().any(|it| asked(it));
    let ways = ["tcp", "unix", "tls"];
    let protocols: Vec<&str> = Protocol::ALL.iter().map(|it| it.name()).collect();
    let of_size = |load: &Load| !asked(if load.model < 1_000 { "large" } else { "small" });
    let loads = [
        Load { name: "64 B, 1 in flight", model: 64, in_flight: 1, calls: 10_000 },
        Load { name: "64 B, 64 in flight", model: 64, in_flight: 64, calls: 20_000 },
        Load { name: "1 MB, 1 in flight", model: 1_000_000, in_flight: 1, calls: 200 },
        Load { name: "10 MB, 1 in flight", model: 10_000_000, in_flight: 1, calls: 20 },
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("Calls, all ends on one thread; CPU of both ends, wall time, medians of pairs");
    println!("                                 bare loop          ours        ours : bare    : unary");
    println!("                            us CPU    MB/s   us CPU    MB/s    CPU   MB/s       CPU");
    for &protocol in Protocol::ALL.iter().filter(|it| among(it.name(), &protocols)) {
        for way in ways.into_iter().filter(|way| among(way, &ways) && pair::goes(protocol, way)) {
            println!("  {}, {way}", protocol.name());
            for load in loads.iter().filter(|load| of_size(load)) {
                runtime.block_on(compare(protocol, way, load, quick))?;
            }
        }
    }
    Ok(())
}

async fn compare(protocol: Protocol, way: &str, load: &Load, quick: bool) -> Result<()> {
    let (calls, pairs) = if quick { (load.in_flight * 2, 1) } else { (load.calls, 9) };
    let folder = tempfile::tempdir()?;
    let at = |name: &str| -> Result<Address> {
        Ok(match way {
            "unix" => Address::unix(&folder.path().join(name))?,
            _ => "127.0.0.1:0".parse()?,
        })
    };
    let security = match way {
        "tls" => Security::generate(true, &[])?,
        _ => Security::Plain,
    };
    let message = Arc::new(proto::RootMessage {
        source: "127.0.0.1:40000".into(),
        round: Some(1),
        cmd: "partial_model".into(),
        payload_type: Some(proto::root_message::PayloadType::Weights(proto::Weights {
            weights: vec![7; load.model].into(),
            contributors: Vec::new(),
            num_samples: 1,
        })),
    });
    let bare = Bare::new(protocol, &at("bare")?, &security).await?;
    let ours = ours::Pair::new(&ours::endpoint(protocol, &security), &at("ours")?).await?;
    let unary = ours::Pair::new(&ours::endpoint(Protocol::Grpc, &security), &at("unary")?).await?;
    let mut rows: Vec<[Spent; 3]> = Vec::new();
    for turn in 0..=pairs {
        let row = [
            measure(bare.calls(&message, load.in_flight, calls)).await?,
            measure(ours.calls(&message, load.in_flight, calls)).await?,
            measure(unary.calls(&message, load.in_flight, calls)).await?,
        ];
        // The first turn is to warm up.
        if turn > 0 {
            rows.push(row);
        }
    }
    let cpu = |it: &Spent| it.cpu / calls as f64 / 1e3;
    let rate = |it: &Spent| (load.model * calls) as f64 / it.wall * 1e3;
    println!(
        "    {:<20} {:9.2} {:7.0} {:8.2} {:7.0} {:6.2} {:6.2}   1/{:.1}",
        load.name,
        median(rows.iter().map(|row| cpu(&row[0]))),
        median(rows.iter().map(|row| rate(&row[0]))),
        median(rows.iter().map(|row| cpu(&row[1]))),
        median(rows.iter().map(|row| rate(&row[1]))),
        median(rows.iter().map(|row| cpu(&row[1]) / cpu(&row[0]))),
        median(rows.iter().map(|row| rate(&row[1]) / rate(&row[0]))),
        median(rows.iter().map(|row| cpu(&row[2]) / cpu(&row[1]))),
    );
    Ok(())
}
