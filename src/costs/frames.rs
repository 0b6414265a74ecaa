//! What the bytes on a connection are for, by the frames that they are in: HTTP/2 (RFC 9113), HTTP/1.1 (RFC 9112),
//! WebSocket (RFC 6455). Which of them is spoken shows in the bytes themselves, so a protocol needs no entry here.
//!
//! What is read was written by this program: what it does not know is taken for a body.

use std::ops::AddAssign;

/// HTTP/2's first words.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// What frames carry.
    pub body: u64,
    /// Heads and masks of the frames that carry it, sizes of chunks.
    pub framing: u64,
    /// Headers and trailers, with the heads of their frames.
    pub headers: u64,
    /// All other frames.
    pub control: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.body += more.body;
        self.framing += more.framing;
        self.headers += more.headers;
        self.control += more.control;
    }
}

/// One direction of a connection, in the pieces in which it comes.
#[derive(Debug, Default)]
pub struct Direction {
    said: Said,
    /// The beginning of something that has not come whole.
    rest: Vec<u8>,
    /// Bytes of the frame under way that are still to come, and where they are counted.
    left: u64,
    into: Into,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Said {
    /// Nothing yet.
    #[default]
    Nothing,
    Http2,
    Http1,
    /// HTTP/1.1, in the middle of a body in chunks.
    Chunks,
    WebSocket,
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Into {
    #[default]
    Body,
    Headers,
    Control,
    /// The end of a chunk's line.
    Framing,
}

impl Direction {
    /// Whether it is HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.said == Said::Http2
    }

    /// Takes what was said next.
    pub fn take(&mut self, bytes: &[u8]) -> Tally {
        let mut tally = Tally::default();
        self.rest.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.rest);
        let mut at = 0;
        while at < all.len() {
            let rest = &all[at..];
            let taken =
                if self.left > 0 { self.through(rest, &mut tally) } else { self.head(rest, &mut tally) };
            if taken == 0 {
                break;
            }
            at += taken;
        }
        self.rest = all[at..].to_vec();
        tally
    }

    /// What is left of a frame.
    fn through(&mut self, rest: &[u8], tally: &mut Tally) -> usize {
        let taken = self.left.min(rest.len() as u64);
        self.left -= taken;
        *match self.into {
            Into::Body => &mut tally.body,
            Into::Headers => &mut tally.headers,
            Into::Control => &mut tally.control,
            Into::Framing => &mut tally.framing,
        } += taken;
        taken as usize
    }

    fn goes_on(&mut self, into: Into, left: u64) {
        (self.into, self.left) = (into, left);
    }

    /// The head of the next frame; nothing if it has not come whole.
    fn head(&mut self, rest: &[u8], tally: &mut Tally) -> usize {
        match self.said {
            Said::Nothing => self.first(rest, tally),
            Said::Http2 => self.http2(rest, tally),
            Said::Http1 => self.http1(rest, tally),
            Said::Chunks => self.chunk(rest, tally),
            Said::WebSocket => self.websocket(rest, tally),
            Said::Unknown => {
                self.goes_on(Into::Body, rest.len() as u64);
                self.through(rest, tally)
            }
        }
    }

    fn first(&mut self, rest: &[u8], tally: &mut Tally) -> usize {
        if rest.starts_with(PREFACE) {
            self.said = Said::Http2;
            tally.control += PREFACE.len() as u64;
            return PREFACE.len();
        }
        if rest.len() < PREFACE.len() && PREFACE.starts_with(rest) {
            return 0;
        }
        // A server's first frame is one of settings, without flags and on no stream.
        let settings = rest.len() >= 9 && rest[0] == 0 && rest[3..9] == [4, 0, 0, 0, 0, 0];
        let text = rest.first().is_some_and(u8::is_ascii_uppercase);
        if rest.len() < 9 && !text {
            return 0;
        }
        self.said = match (settings, text) {
            (true, _) => Said::Http2,
            (_, true) => Said::Http1,
            _ => Said::Unknown,
        };
        self.head(rest, tally)
    }

    fn http2(&mut self, rest: &[u8], tally: &mut Tally) -> usize {
        let Some(&[a, b, c, kind, ..]) = rest.first_chunk::<9>() else { return 0 };
        let length = u64::from(u32::from_be_bytes([0, a, b, c]));
        let (into, head) = match kind {
            0 => (Into::Body, &mut tally.framing),
            1 | 9 => (Into::Headers, &mut tally.headers),
            _ => (Into::Control, &mut tally.control),
        };
        *head += 9;
        self.goes_on(into, length);
        9
    }

    fn http1(&mut self, rest: &[u8], tally: &mut Tally) -> usize {
        let Some(end) = find(rest, b"\r\n\r\n") else { return 0 };
        let head = String::from_utf8_lossy(&rest[..end]).to_ascii_lowercase();
        let value = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        tally.headers += end as u64 + 4;
        if value("upgrade").is_some_and(|it| it == "websocket") {
            self.said = Said::WebSocket;
        } else if value("transfer-encoding").is_some_and(|it| it.ends_with("chunked")) {
            self.said = Said::Chunks;
        } else {
            let length = value("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
            self.goes_on(Into::Body, length);
        }
        end + 4
    }

    fn chunk(&mut self, rest: &[u8], tally: &mut Tally) -> usize {
        let Some(end) = find(rest, b"\r\n") else { return 0 };
        let line = String::from_utf8_lossy(&rest[..end]);
        let size = line.split(';').next().and_then(|it| u64::from_str_radix(it.trim(), 16).ok());
        tally.framing += end as u64 + 2;
        match size {
            // The line's end behind the chunk before.
            None if line.is_empty() => {}
            None => self.said = Said::Unknown,
            Some(0) => {
                self.said = Said::Http1;
                // The empty line behind the last one; there are no trailers.
                self.goes_on(Into::Framing, 2);
            }
            Some(size) => self.goes_on(Into::Body, size),
        }
        end + 2
    }

    fn websocket(&mut self, rest: &[u8], tally: &mut Tally) -> usize {
        let Some(&[first, second]) = rest.first_chunk::<2>() else { return 0 };
        let wide = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let head = 2 + wide + if second & 0x80 == 0 { 0 } else { 4 };
        if rest.len() < head {
            return 0;
        }
        let length = match wide {
            0 => u64::from(second & 0x7f),
            _ => rest[2..2 + wide].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        let into = if first & 0x0f < 8 { Into::Body } else { Into::Control };
        *(if into == Into::Body { &mut tally.framing } else { &mut tally.control }) += head as u64;
        self.goes_on(into, length);
        head
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|it| it == what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes = (length as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, 0, 0, 0, 0, 1]);
        bytes.extend(vec![b'x'; length]);
        bytes
    }

    /// The whole in pieces of a size.
    fn tally(bytes: &[u8], piece: usize) -> Tally {
        let mut direction = Direction::default();
        let mut sum = Tally::default();
        bytes.chunks(piece).for_each(|chunk| sum += direction.take(chunk));
        sum
    }

    fn http2() -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(4, 18));
        bytes.extend(frame(1, 30));
        bytes.extend(frame(0, 107));
        bytes.extend(frame(9, 12));
        bytes.extend(frame(6, 8));
        bytes
    }

    fn http1() -> Vec<u8> {
        let mut bytes = b"POST /send HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345".to_vec();
        bytes.extend(b"POST /send HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\na\r\n0123456789\r\n0\r\n\r\n");
        bytes.extend(b"GET / HTTP/1.1\r\n\r\n");
        bytes
    }

    fn websocket() -> Vec<u8> {
        let mut bytes = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".to_vec();
        bytes.extend([0x82, 0x80 | 10, 1, 2, 3, 4]);
        bytes.extend([7; 10]);
        bytes.extend([0x82, 126, 1, 0]);
        bytes.extend([7; 256]);
        bytes.extend([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        bytes.extend([7; 65_536]);
        bytes.extend([0x89, 3, 1, 2, 3]);
        bytes
    }

    #[test]
    fn frames_of_http2_are_told_apart() {
        let expected =
            Tally { body: 107, framing: 9, headers: 9 + 30 + 9 + 12, control: 24 + 9 + 18 + 9 + 8 };
        assert_eq!(tally(&http2(), usize::MAX), expected);
        let server = [frame(4, 6), frame(1, 14), frame(0, 5), frame(1, 2)].concat();
        let mut server = server;
        server[8] = 0;
        let expected = Tally { body: 5, framing: 9, headers: 18 + 16, control: 15 };
        assert_eq!(tally(&server, usize::MAX), expected);
    }

    #[test]
    fn heads_and_bodies_of_http1_are_told_apart() {
        let chunks = "5\r\n".len() + "\r\n".len() + "a\r\n".len() + "\r\n".len() + "0\r\n\r\n".len();
        let expected = Tally {
            body: 20,
            framing: chunks as u64,
            headers: (http1().len() - 20 - chunks) as u64,
            control: 0,
        };
        assert_eq!(tally(&http1(), usize::MAX), expected);
    }

    #[test]
    fn heads_of_websocket_have_two_four_or_ten_bytes_and_a_mask() {
        let expected = Tally { body: 10 + 256 + 65_536, framing: 2 + 4 + 4 + 10, headers: 38, control: 5 };
        assert_eq!(tally(&websocket(), usize::MAX), expected);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(piece in 1..200usize) {
            for bytes in [http2(), http1(), websocket()] {
                prop_assert_eq!(tally(&bytes, piece), tally(&bytes, usize::MAX));
            }
        }

        #[test]
        fn no_byte_is_counted_twice(bytes in prop::collection::vec(any::<u8>(), 0..500), piece in 1..50usize) {
            let it = tally(&bytes, piece);
            prop_assert!(it.body + it.framing + it.headers + it.control <= bytes.len() as u64);
        }
    }
}
