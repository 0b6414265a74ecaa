//! More than is good: of requests, of connections, and of what is no message at all.

use crate::rig::{Carrier, Kind, Rig, SOON, message, until};
use p2pfl_sim::transport::socket::{Address, Answer, Limits, Refusal};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

const SHORT: Duration = Duration::from_millis(50);

/// Backpressure: a node that does not keep up is asked no more than it takes, nothing is lost, and all of it comes in the
/// end.
pub async fn whoever_has_no_answers_is_asked_no_more_than_the_limit_says(kind: Kind) {
    const AT_ONCE: u32 = 8;
    const CALLS: usize = 100;
    let rig = Rig::of(kind, Limits { streams: AT_ONCE, ..Limits::default() });
    let channel = rig.channel();
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { channel.send(message("hold", 1_000), SOON).await })
        })
        .collect();
    let mut answered = 0;
    while answered < CALLS {
        until(|| !rig.node.held.lock().unwrap().is_empty()).await;
        // Time for more to come than should.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let held = std::mem::take(&mut *rig.node.held.lock().unwrap());
        assert!(held.len() <= AT_ONCE as usize, "{} at a time", held.len());
        answered += held.len();
        held.into_iter().for_each(|it| it.answer(Answer::Empty));
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), Answer::Empty);
    }
    assert_eq!(rig.node.commands().len(), CALLS, "each came once");
}

pub async fn more_connections_than_a_node_takes_are_hung_up_on(kind: Kind) {
    let rig = Rig::of(kind, Limits { connections: 3, ..Limits::default() });
    let channels: Vec<_> = (0..5).map(|_| rig.channel()).collect();
    let mut open = 0;
    for channel in &channels {
        open += usize::from(channel.send(message("beat", 10), SOON).await.is_ok());
    }
    assert_eq!(open, 3);
    assert!(rig.refused(Refusal::Connections) >= 2);
    channels[0].close();
    // Its place is free as soon as the server has noticed.
    let mut free = false;
    while !free {
        free = channels[4].send(message("beat", 10), SOON).await.is_ok();
        tokio::task::yield_now().await;
    }
}

pub async fn garbage_is_hung_up_on_and_leaves_the_node_going_on(kind: Kind) {
    let rig = Rig::of(kind, Limits { greeting: SHORT, receiving: SHORT, ..Limits::default() });
    let tls_hello = [&[22u8, 3, 1, 0, 200, 1][..], &[7; 200]].concat();
    let noise: Vec<u8> = (0..5_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for said in [&[0; 300][..], &[0xff; 300], &tls_hello, &noise, b"HELO example.org\r\n\r\n"] {
        let before = refusals(&rig);
        let mut socket = connect(&rig.at).await;
        // It may hang up before all is said.
        let _ = socket.write_all(said).await;
        hung_up(&mut *socket).await;
        until(|| refusals(&rig) > before).await;
    }
    assert!(rig.node.commands().is_empty());
    rig.goes_on().await;
}

pub async fn whoever_says_nothing_is_hung_up_on(kind: Kind) {
    let rig = Rig::of(kind, Limits { greeting: SHORT, ..Limits::default() });
    let mut socket = connect(&rig.at).await;
    hung_up(&mut *socket).await;
    rig.until_refused(Refusal::Silent).await;
    rig.goes_on().await;
    // The same where a handshake stops halfway.
    if kind.carrier == Carrier::Tls {
        let mut socket = connect(&rig.at).await;
        socket.write_all(&[22, 3, 1, 0, 200]).await.unwrap();
        hung_up(&mut *socket).await;
        rig.goes_on().await;
    }
}

trait Socket: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket for T {}

async fn connect(at: &Address) -> Box<dyn Socket> {
    match at {
        Address::Unix(path) => Box::new(UnixStream::connect(path).await.unwrap()),
        #[cfg(feature = "libp2p")]
        Address::Libp2p(place) => Box::new(TcpStream::connect(place.at).await.unwrap()),
        at => Box::new(TcpStream::connect(at.to_string()).await.unwrap()),
    }
}

/// Waits until the other end has hung up, whatever it says before.
async fn hung_up(socket: &mut dyn Socket) {
    let mut said = Vec::new();
    let _ = tokio::time::timeout(SOON, socket.read_to_end(&mut said)).await.expect("it hangs up");
}

fn refusals(rig: &Rig) -> u64 {
    rig.traffic.snapshot().refused.values().sum()
}
