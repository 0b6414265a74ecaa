//! A WebSocket for whoever is called: requests are handed to the host in their order, answers go back as they are ready.

use super::pulse::{Pulse, Silence};
use super::socket::Socket;
use super::writer::Writer;
use super::{FAREWELL, PATH, SUBPROTOCOL, config, too_large};
use crate::transport::exchange::{Answers, frames};
use crate::transport::socket::link::Io;
use crate::transport::socket::serve::{Serving, hung_up};
use crate::transport::socket::{Call, Hold, Host, Refusal, Reply, pieces};
use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use prost::Message as _;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Bytes of a masked control frame before its payload.
const CONTROL: usize = 6;
/// Answers that may wait for the other end to read them.
const UNREAD: usize = 1 << 10;

/// Serves one connection to its end, whatever end that is.
pub async fn serve<H: Host, S: Io>(io: S, shared: &Arc<Serving<H>>, began: Instant) {
    let left = shared.limits.greeting.saturating_sub(began.elapsed());
    let config = config(shared.limits.max_message);
    let accepting = Box::pin(Socket::answer(io, agree, config));
    match timeout(left, accepting).await {
        Ok(Ok(socket)) => Attending::new(socket, shared).run().await,
        Ok(Err(error)) => {
            if let Some(why) = refusal(&error) {
                shared.traffic.refused(why);
            }
        }
        Err(_) => shared.traffic.refused(Refusal::Silent),
    }
}

/// Whether a request for a WebSocket is one for ours.
#[expect(clippy::result_large_err, reason = "tungstenite has it so")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let refused = |status| {
        let mut response = ErrorResponse::new(None);
        *response.status_mut() = status;
        Err(response)
    };
    if request.uri().path() != PATH {
        return refused(StatusCode::NOT_FOUND);
    }
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut names = offered.filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(','));
    if !names.any(|name| name.trim() == SUBPROTOCOL) {
        return refused(StatusCode::BAD_REQUEST);
    }
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

/// One connection that is being served.
struct Attending<'a, H, S> {
    shared: &'a Arc<Serving<H>>,
    socket: Socket<S>,
    answers: Answers,
    writer: Writer,
    pulse: Pulse,
    /// Looked at only when the time is over.
    quiet: Pin<Box<Sleep>>,
    requests_since_last_look: u64,
    /// Bytes that had been read when the last message was complete.
    complete: u64,
    /// Bytes that have come of a message that has not come to its end, and what they take of `limits.held`.
    held: usize,
    hold: Hold,
    /// Set while a message has begun and not come to its end.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// How a connection ends.
enum End {
    /// There is nobody to say anything to.
    Gone,
    /// Nothing was asked for too long.
    Idle,
    /// The other end did what it should not.
    Refused(Refusal, CloseCode, String),
}

impl<'a, H: Host, S: Io> Attending<'a, H, S> {
    fn new(socket: Socket<S>, shared: &'a Arc<Serving<H>>) -> Self {
        Self {
            complete: socket.read(),
            socket,
            answers: Answers::default(),
            writer: Writer::default(),
            pulse: Pulse::new(&shared.limits),
            quiet: Box::pin(sleep(shared.limits.idle)),
            requests_since_last_look: 0,
            held: 0,
            hold: shared.limits.held.begin(),
            deadline: None,
            shared,
        }
    }

    async fn run(mut self) {
        let (code, why) = match poll_fn(|cx| self.poll(cx)).await {
            End::Gone => return,
            End::Idle => (CloseCode::Away, "no request for too long".into()),
            End::Refused(refusal, code, why) => {
                self.shared.traffic.refused(refusal);
                (code, why)
            }
        };
        let _ = timeout(FAREWELL, self.socket.farewell(CloseFrame { code, reason: why.into() })).await;
    }

    /// Reads and writes what there is. Ready is the end of the connection.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.socket.attend(cx);
        loop {
            if let Err(end) = self.read() {
                return Poll::Ready(end);
            }
            let waiting = &mut self.writer.waiting;
            self.answers.take(cx.waker(), |answer| {
                waiting.push_back(pieces(answer.encode_to_vec().into(), Bytes::new(), Bytes::new()));
            });
            let stalled = self.is_full();
            match self.writer.poll_write(&mut self.socket) {
                Poll::Ready(Err(_)) => return Poll::Ready(End::Gone),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            // What was full and is not any more has left requests unread, of which nobody tells.
            if !stalled || self.is_full() {
                break;
            }
        }
        self.poll_timers(cx)
    }

    /// Takes requests, as long as not too many of them have no answer.
    fn read(&mut self) -> Result<(), End> {
        while !self.is_full() {
            let Poll::Ready(message) = self.socket.poll_next() else { break };
            match message {
                Ok(Message::Binary(bytes)) => {
                    self.requests_since_last_look += 1;
                    self.complete = self.socket.read();
                    self.hand_over(bytes)?;
                }
                Ok(Message::Text(_)) => {
                    let why = "a request is text".into();
                    return Err(End::Refused(Refusal::Malformed, CloseCode::Unsupported, why));
                }
                // They are answered where they are read, and may come in the middle of a message.
                Ok(Message::Ping(bytes) | Message::Pong(bytes)) => {
                    let passed = self.complete + (CONTROL + bytes.len()) as u64;
                    self.complete = passed.min(self.socket.read());
                }
                Ok(_) => {}
                Err(error) => return Err(End::of(&error)),
            }
        }
        self.hold()
    }

    /// Whoever does not read its answers is not asked for more requests.
    fn is_full(&self) -> bool {
        self.answers.open() >= self.shared.limits.streams as usize || self.writer.waiting.len() >= UNREAD
    }

    fn hand_over(&mut self, bytes: Bytes) -> Result<(), End> {
        let arrived = frames::read_request(bytes)
            .map_err(|error| End::Refused(Refusal::Malformed, CloseCode::Invalid, error.to_string()))?;
        let limit = self.shared.limits.max_message;
        if let Call::Send { bytes, .. } = &arrived.call
            && *bytes > limit as u64
        {
            self.shared.traffic.refused(Refusal::Oversized);
            let status = too_large(*bytes as usize, limit);
            self.answers.to(arrived.sequence).say(Err(Box::new(status)));
            return Ok(());
        }
        let silent = matches!(arrived.call, Call::Disconnect(_));
        // A node that went down answers nobody: its connections are about to be hung up on.
        if self.shared.gate.is_up() {
            let back = self.answers.to(arrived.sequence);
            self.shared.host.take(&self.shared.caller, arrived.call, Reply::new(back, silent));
        }
        Ok(())
    }

    /// Counts what has come of a message that has not come to its end.
    fn hold(&mut self) -> Result<(), End> {
        let (before, now) = (self.held, (self.socket.read() - self.complete) as usize);
        self.held = now;
        if now == 0 && before > 0 {
            self.hold.ends();
        }
        if before == now || self.hold.is(now) { Ok(()) } else { Err(End::held()) }
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.held == 0 {
            self.deadline = None;
        } else {
            if !self.hold.waits(cx) {
                return Poll::Ready(End::held());
            }
            let within = self.shared.limits.receiving;
            let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(within)));
            if deadline.as_mut().poll(cx).is_ready() {
                let why = "a request did not come to its end".into();
                return Poll::Ready(End::Refused(Refusal::Slow, CloseCode::Policy, why));
            }
        }
        while self.quiet.as_mut().poll(cx).is_ready() {
            let asked = std::mem::take(&mut self.requests_since_last_look) > 0 || self.answers.open() > 0;
            if !asked {
                return Poll::Ready(End::Idle);
            }
            self.quiet.as_mut().reset(Instant::now() + self.shared.limits.idle);
        }
        match self.pulse.poll(self.socket.read(), cx) {
            Poll::Ready(Silence::Ask) => {
                self.writer.ping();
                // To be written, and the timer has to be asked again.
                cx.waker().wake_by_ref();
            }
            Poll::Ready(Silence::Dead) => return Poll::Ready(End::Gone),
            Poll::Pending => {}
        }
        Poll::Pending
    }
}

impl<H, S> Drop for Attending<'_, H, S> {
    fn drop(&mut self) {
        self.answers.gone();
    }
}

impl End {
    /// There is no room for a request, or none any longer.
    fn held() -> Self {
        Self::Refused(Refusal::Held, CloseCode::Again, "too many requests at a time".into())
    }

    fn of(error: &Error) -> Self {
        let why = error.to_string();
        match error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone,
            Error::Protocol(_) => Self::Refused(Refusal::Protocol, CloseCode::Protocol, why),
            Error::Capacity(_) => Self::Refused(Refusal::Oversized, CloseCode::Size, why),
            Error::Utf8(_) => Self::Refused(Refusal::Malformed, CloseCode::Invalid, why),
            _ => Self::Gone,
        }
    }
}

/// As what a failed handshake is counted; nothing if the other end only went away.
fn refusal(error: &Error) -> Option<Refusal> {
    match error {
        Error::Io(error) if hung_up(error) => None,
        Error::ConnectionClosed | Error::Protocol(ProtocolError::HandshakeIncomplete) => None,
        Error::AttackAttempt | Error::Capacity(_) => Some(Refusal::Flood),
        Error::Http(response) if response.status() == StatusCode::NOT_FOUND => Some(Refusal::Method),
        _ => Some(Refusal::Protocol),
    }
}
