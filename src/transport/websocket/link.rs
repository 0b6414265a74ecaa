//! A WebSocket for whoever calls.

use super::pulse::{Pulse, Silence};
use super::socket::Socket;
use super::writer::Writer;
use super::{FAREWELL, PATH, SUBPROTOCOL, config, too_large};
use crate::transport::exchange::{Alarm, Calls, frames};
use crate::transport::socket::link::{Broken, Io, Link, Request, Terms};
use crate::transport::socket::{Answer, NoLink, Refusal, Traffic};
use bytes::Bytes;
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The largest answer that is taken: gRPC's default.
const MAX_ANSWER: usize = 4 << 20;

/// A connection on which WebSocket is spoken.
#[derive(Debug)]
pub struct WebSocketLink {
    calls: Calls,
    driver: AbortHandle,
    /// The largest message that is taken here, and so by the peers of a run.
    max_message: usize,
    traffic: Arc<Traffic>,
}

impl Link for WebSocketLink {
    const KEEPS_DEADLINES: bool = true;

    async fn greet<S: Io>(io: S, terms: &Terms) -> Result<Self, NoLink> {
        let scheme = if terms.secure { "wss" } else { "ws" };
        let uri = format!("{scheme}://{}{PATH}", terms.authority);
        let mut request = uri.into_client_request().map_err(no_link)?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        // An answer that does not agree to the subprotocol is refused there.
        let socket = Box::pin(Socket::ask(io, request, config(MAX_ANSWER))).await.map_err(no_link)?;
        let calls = Calls::default();
        let drive = Drive {
            socket,
            calls: calls.clone(),
            writer: Writer::default(),
            alarm: Alarm::default(),
            pulse: Pulse::new(&terms.limits),
        };
        let driver = tokio::spawn(drive.run()).abort_handle();
        let (max_message, traffic) = (terms.limits.max_message, Arc::clone(&terms.traffic));
        Ok(Self { calls, driver, max_message, traffic })
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<bool> {
        Poll::Ready(!self.calls.is_broken())
    }

    fn leave(
        &mut self,
        request: &Request<'_>,
    ) -> Result<impl Future<Output = Result<Answer, Broken>> + Send + use<>, Broken> {
        // Whoever sends it would have its connection closed, with all that is under way on it.
        if request.length > self.max_message {
            self.traffic.refused(Refusal::Oversized);
            return Err(too_large(request.length, self.max_message).into());
        }
        self.calls.make(request, |_| [])
    }

    fn breaker(&self) -> AbortHandle {
        self.driver.clone()
    }
}

impl Drop for WebSocketLink {
    fn drop(&mut self) {
        // The task that drives the connection says farewell.
        self.calls.broke(CLOSED);
    }
}

const CLOSED: &str = "the connection was closed";

/// Drives a connection to its end.
struct Drive<S> {
    socket: Socket<S>,
    calls: Calls,
    writer: Writer,
    alarm: Alarm,
    pulse: Pulse,
}

/// How a connection ends.
enum End {
    /// There is nobody to say anything to.
    Broken(String),
    /// With a word of why.
    Close(CloseCode, String),
}

impl<S: Io> Drive<S> {
    async fn run(mut self) {
        match poll_fn(|cx| self.poll(cx)).await {
            End::Broken(why) => self.calls.broke(&why),
            End::Close(code, why) => {
                self.calls.broke(&why);
                let reason = CloseFrame { code, reason: why.into() };
                let _ = timeout(FAREWELL, self.socket.farewell(reason)).await;
            }
        }
    }

    /// Reads and writes what there is. Ready is the end of the connection.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.socket.attend(cx);
        while let Poll::Ready(message) = self.socket.poll_next() {
            let end = match message {
                Ok(Message::Binary(bytes)) => self.answered(bytes).err(),
                Ok(Message::Text(_)) => Some(End::Close(CloseCode::Unsupported, "an answer is text".into())),
                Ok(Message::Close(frame)) => Some(End::Broken(closed(frame))),
                // A ping is answered where it is read.
                Ok(_) => None,
                Err(error) => Some(End::of(&error)),
            };
            if let Some(end) = end {
                return Poll::Ready(end);
            }
        }
        if self.calls.take_outgoing(cx.waker(), &mut self.writer.waiting) {
            return Poll::Ready(End::Close(CloseCode::Normal, CLOSED.into()));
        }
        self.alarm.poll(&self.calls, cx);
        match self.pulse.poll(self.socket.read(), cx) {
            Poll::Ready(Silence::Ask) => {
                self.writer.ping();
                // The timer has to be asked again.
                cx.waker().wake_by_ref();
            }
            Poll::Ready(Silence::Dead) => return Poll::Ready(End::Broken("it does not answer pings".into())),
            Poll::Pending => {}
        }
        match self.writer.poll_write(&mut self.socket) {
            Poll::Ready(Err(error)) => Poll::Ready(End::Broken(error.to_string())),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    fn answered(&self, bytes: Bytes) -> Result<(), End> {
        let invalid = |why: String| End::Close(CloseCode::Invalid, format!("an answer: {why}"));
        let (sequence, more, outcome) =
            frames::read_response(bytes).map_err(|error| invalid(error.to_string()))?;
        self.calls.answered(sequence, more, outcome).map_err(|error| invalid(error.to_string()))
    }
}

impl<S> Drop for Drive<S> {
    fn drop(&mut self) {
        // Also when the task was broken off.
        self.calls.broke(CLOSED);
    }
}

impl End {
    fn of(error: &Error) -> Self {
        let why = error.to_string();
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => Self::Broken("the peer hung up".into()),
            Error::Protocol(_) => Self::Close(CloseCode::Protocol, why),
            Error::Capacity(_) => Self::Close(CloseCode::Size, why),
            Error::Utf8(_) => Self::Close(CloseCode::Invalid, why),
            _ => Self::Broken(why),
        }
    }
}

/// Why the peer says that it closed the connection.
fn closed(frame: Option<CloseFrame>) -> String {
    match frame {
        Some(frame) => format!("the peer closed the connection: {} {}", u16::from(frame.code), frame.reason),
        None => "the peer closed the connection".into(),
    }
}

fn no_link(error: Error) -> NoLink {
    match error {
        Error::Io(error) => error.into(),
        Error::Http(response) => NoLink::for_good(format!("WebSocket: HTTP status {}", response.status())),
        other => NoLink::for_good(format!("WebSocket: {other}")),
    }
}
