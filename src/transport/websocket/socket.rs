//! tungstenite, which knows nothing of tasks, on a connection that may not be ready: what cannot go on says so, and the task
//! is woken when it can. One task drives a connection, so one waker will do, and it is set once for all that is ready
//! together.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::client::client_with_config;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::handshake::server::Callback;
use tokio_tungstenite::tungstenite::handshake::{HandshakeError, HandshakeRole, MidHandshake};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, accept_hdr_with_config};

/// A connection on which WebSocket is spoken.
#[derive(Debug)]
pub struct Socket<S> {
    it: WebSocket<Blocking<S>>,
    /// What was written last has not all left.
    stuck: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Asks whoever is at the other end for a WebSocket.
    #[expect(clippy::result_large_err, reason = "it is the library's error, once a connection")]
    pub async fn ask(io: S, request: Request, config: WebSocketConfig) -> Result<Self, Error> {
        let (it, _) = agreed(io, |io| client_with_config(request, io, Some(config))).await?;
        Ok(Self { it, stuck: false })
    }

    /// Is asked for a WebSocket; `agree` says whether to give one.
    #[expect(clippy::result_large_err, reason = "it is the library's error, once a connection")]
    pub async fn answer(io: S, agree: impl Callback, config: WebSocketConfig) -> Result<Self, Error> {
        let it = agreed(io, |io| accept_hdr_with_config(io, agree, Some(config))).await?;
        Ok(Self { it, stuck: false })
    }

    /// Has this task woken when something can go on from here on.
    pub fn attend(&mut self, cx: &Context<'_>) {
        self.it.get_mut().attend(cx.waker());
    }

    /// Bytes that were read so far, those of a message that is not complete among them.
    pub fn read(&self) -> u64 {
        self.it.get_ref().read
    }

    /// The next message. Pings are answered on the way.
    pub fn poll_next(&mut self) -> Poll<Result<Message, Error>> {
        unless_blocked(self.it.read())
    }

    /// Whether a message can be written.
    pub fn poll_ready(&mut self) -> Poll<Result<(), Error>> {
        if self.stuck { self.poll_flush() } else { Poll::Ready(Ok(())) }
    }

    /// Writes a message, once the socket is ready for it.
    pub fn write(&mut self, message: Message) -> Result<(), Error> {
        match unless_blocked(self.it.write(message)) {
            Poll::Ready(written) => written,
            // It is kept, and leaves when it can.
            Poll::Pending => {
                self.stuck = true;
                Ok(())
            }
        }
    }

    /// Ready when all that was written has left.
    pub fn poll_flush(&mut self) -> Poll<Result<(), Error>> {
        let flushed = ready!(unless_blocked(self.it.flush()));
        self.stuck = false;
        Poll::Ready(flushed)
    }

    /// Says why it ends, and reads on until the other end has hung up: a system that has unread bytes when a socket is closed
    /// takes back what was said.
    pub async fn farewell(&mut self, reason: CloseFrame) {
        let mut reason = Some(reason);
        let said = poll_fn(|cx| {
            self.attend(cx);
            match reason.take() {
                Some(reason) => unless_blocked(self.it.close(Some(reason))),
                None => self.poll_flush(),
            }
        });
        let mut unread = [0; 1_024];
        if said.await.is_ok() {
            poll_fn(|cx| {
                self.attend(cx);
                while let Ok(1..) = ready!(self.it.get_mut().poll_read(&mut unread)) {}
                Poll::Ready(())
            })
            .await;
        }
    }
}

fn unless_blocked<T>(result: Result<T, Error>) -> Poll<Result<T, Error>> {
    match result {
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

/// Agrees on WebSocket, going on whenever there is more to read or room to write.
async fn agreed<S, R>(
    io: S,
    begin: impl FnOnce(Blocking<S>) -> Result<R::FinalResult, HandshakeError<R>>,
) -> Result<R::FinalResult, Error>
where
    R: HandshakeRole<InternalStream = Blocking<S>>,
{
    let (mut begin, mut halfway) = (Some((io, begin)), None);
    poll_fn(move |cx| {
        let tried = match (begin.take(), halfway.take()) {
            (Some((io, begin)), _) => begin(Blocking { io, waker: cx.waker().clone(), read: 0 }),
            (None, Some(halfway)) => {
                let mut halfway: MidHandshake<R> = halfway;
                halfway.get_mut().get_mut().attend(cx.waker());
                halfway.handshake()
            }
            (None, None) => unreachable!("a handshake that is over is not asked again"),
        };
        match tried {
            Ok(done) => Poll::Ready(Ok(done)),
            Err(HandshakeError::Failure(error)) => Poll::Ready(Err(error)),
            Err(HandshakeError::Interrupted(it)) => {
                halfway = Some(it);
                Poll::Pending
            }
        }
    })
    .await
}

/// A connection as tungstenite wants it: one that would block says so.
#[derive(Debug)]
pub struct Blocking<S> {
    io: S,
    waker: Waker,
    read: u64,
}

impl<S> Blocking<S> {
    fn attend(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }
}

impl<S: AsyncRead + Unpin> Blocking<S> {
    fn poll_read(&mut self, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        ready!(Pin::new(&mut self.io).poll_read(&mut Context::from_waker(&self.waker), &mut buffer))?;
        let read = buffer.filled().len();
        self.read += read as u64;
        Poll::Ready(Ok(read))
    }
}

impl<S: AsyncRead + Unpin> Read for Blocking<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        or_blocked(self.poll_read(into))
    }
}

impl<S: AsyncWrite + Unpin> Write for Blocking<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_blocked(Pin::new(&mut self.io).poll_write(&mut Context::from_waker(&self.waker), bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        or_blocked(Pin::new(&mut self.io).poll_flush(&mut Context::from_waker(&self.waker)))
    }
}

fn or_blocked<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
