//! Who of those outside may say what to the nodes here, where others may take part: who has shaken hands, what is said in
//! whose name, and how many peers one caller may bring along. What a message then means is the node's.
//!
//! P2PFL's wire names the source of a message and nothing else, so that a name can be borrowed. What cannot be chosen freely
//! is the place that a call comes from, and with mutual TLS the certificate.

use crate::transport::socket::{Address, Call, Caller, Place, Refusal};
use crate::wire::proto::RootMessage;
use crate::wire::proto::root_message::PayloadType;
use crate::wire::{Command, Names, PeerId};
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use std::collections::{BTreeMap, VecDeque};
use std::mem::{Discriminant, discriminant};
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Peers that one caller may bring along at most: so many that shake hands, and so many that only beat.
pub const MAX_BROUGHT: u32 = 1 << 12;

/// Places from which somebody has spoken who belongs to the network are remembered up to so many.
const MAX_PLACES: usize = 1 << 16;

/// What nodes here have said is known by the last so many hashes, longer than any of it circulates.
const MAX_SAID: usize = 1 << 16;

/// Who has said nothing for so many times the timeout of beats is forgotten, and so is who was silent for at least this long
/// where nobody has to beat.
const PATIENCE: u32 = 4;
const LEAST_PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked who is silent, in nanoseconds.
const LOOK_EVERY: u64 = 1_000_000_000;

/// Those outside.
#[derive(Debug)]
pub struct Guests {
    /// Nodes here have the numbers below.
    nodes: PeerId,
    /// And those that nodes connect to the numbers from there to below this.
    others: PeerId,
    /// How nodes here are called: nobody can be called back in another way.
    callable: Discriminant<Address>,
    /// How long a peer is remembered that is silent, in nanoseconds. Where nobody has to beat, who has shaken hands may be
    /// silent for as long as it likes.
    patience: u64,
    beats: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    places: BTreeMap<Place, Room>,
    guests: BTreeMap<PeerId, Guest>,
    said: Said,
    looked: u64,
    messages: u64,
    ever: u64,
}

/// A call from outside, and what is needed to judge it.
#[derive(Clone, Copy)]
struct Visit<'a> {
    names: &'a Names,
    caller: &'a Caller,
    now: u64,
}

/// What is known of a place.
#[derive(Debug, Default)]
struct Room {
    /// Somebody there belongs to the network: what comes from there is listened to.
    belongs: bool,
    shaken: u32,
    beating: u32,
}

/// What is known of a peer outside.
#[derive(Debug)]
struct Guest {
    /// Where it was first heard from.
    place: Place,
    /// Whether it has shaken hands, or was called by a node here of its own accord.
    shaken: bool,
    /// When it was last heard of, if it was.
    last: Option<u64>,
}

/// Hashes of what nodes here have said first.
#[derive(Debug, Default)]
struct Said {
    hashes: HashSet<i64, FixedState>,
    order: VecDeque<i64>,
}

/// Why somebody is not listened to. The text is what is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    #[error("ValueError: nobody here knows you; shake hands first")]
    Stranger,
    #[error("ValueError: that is said in the name of a node that has not said it")]
    Forged,
    #[error("ValueError: your certificate names somebody else")]
    Certificate,
    #[error("ValueError: too many peers")]
    Crowd,
    #[error("ValueError: that is no address at which a peer could be called from here")]
    Uncallable,
}

impl Unwelcome {
    /// As what it is counted.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::Stranger => Refusal::Stranger,
            Self::Forged => Refusal::Forged,
            Self::Certificate => Refusal::Certificate,
            Self::Crowd => Refusal::Crowd,
            Self::Uncallable => Refusal::Uncallable,
        }
    }
}

impl Guests {
    /// Nobody yet but those that nodes connect to, at `join`; they and the nodes are among the names already. `own` is how a
    /// node here is called. Peers that beat are thought to be gone after `beats` without one.
    pub fn new(nodes: PeerId, own: &Address, join: &[Address], beats: Option<Duration>) -> Self {
        let patience = beats.unwrap_or_default().saturating_mul(PATIENCE).max(LEAST_PATIENCE);
        let guests = Self {
            nodes,
            others: nodes + join.len() as PeerId,
            callable: kind(own),
            patience: crate::time::nanos(patience),
            beats: beats.is_some(),
            state: Mutex::default(),
        };
        for (peer, address) in (nodes..).zip(join) {
            guests.expect(peer, address);
        }
        guests
    }

    /// A peer that nodes connect to is one whatever it says, and so is whoever else is where it is.
    fn expect(&self, peer: PeerId, address: &Address) {
        let place = match address {
            Address::Tcp(at) => at.ip().into(),
            // Where a name leads shows when it is heard from there.
            _ => Place::Unknown,
        };
        let mut state = self.state();
        state.guests.insert(peer, Guest { place, shaken: true, last: None });
        if place != Place::Unknown {
            state.belongs(place);
        }
    }

    /// Whether a call that no node here has made is to be listened to. Enters the name of who has the right to one.
    ///
    /// # Errors
    /// If it is not.
    pub fn admit(&self, names: &Names, caller: &Caller, call: &Call, now: u64) -> Result<(), Unwelcome> {
        let mut state = self.state();
        state.forget_silent(self, names, now);
        let visit = Visit { names, caller, now };
        match call {
            Call::Handshake(name) => self.handshake(&mut state, visit, name)?,
            Call::Disconnect(name) => self.disconnect(&state, visit, name)?,
            Call::Send { message, .. } => self.said(&mut state, visit, message)?,
        }
        state.messages += 1;
        Ok(())
    }

    fn handshake(&self, state: &mut State, visit: Visit<'_>, name: &str) -> Result<(), Unwelcome> {
        let Visit { names, caller, now } = visit;
        let known = names.find(name);
        if known.is_some_and(|it| it < self.nodes) {
            return Err(Unwelcome::Forged);
        }
        self.may_be(caller, name)?;
        match known.filter(|it| state.guests.get(it).is_some_and(|it| it.shaken)) {
            Some(peer) => state.heard(peer, now),
            None => {
                self.enter(state, names, name, Guest { place: caller.place, shaken: true, last: Some(now) })?
            }
        }
        state.belongs(caller.place);
        Ok(())
    }

    fn disconnect(&self, state: &State, visit: Visit<'_>, name: &str) -> Result<(), Unwelcome> {
        let Visit { names, caller, .. } = visit;
        let known = names.find(name).ok_or(Unwelcome::Stranger)?;
        if known < self.nodes {
            return Err(Unwelcome::Forged);
        }
        self.may_be(caller, name)?;
        let guest = state.guests.get(&known).ok_or(Unwelcome::Stranger)?;
        if guest.place != caller.place && guest.place != Place::Unknown {
            return Err(Unwelcome::Forged);
        }
        Ok(())
    }

    fn said(&self, state: &mut State, visit: Visit<'_>, message: &RootMessage) -> Result<(), Unwelcome> {
        let (Visit { names, caller, now }, source) = (visit, message.source.as_str());
        let gossip = match &message.payload_type {
            Some(PayloadType::GossipMessage(it)) => Some(it.hash),
            _ => None,
        };
        let (place, known) = (caller.place, names.find(source));
        let belongs = state.places.get(&place).is_some_and(|it| it.belongs);
        if known.is_some_and(|it| it < self.nodes) {
            // Others pass on what nodes here have said, and nothing else comes back.
            let passed_on = belongs && gossip.is_some_and(|it| state.said.hashes.contains(&it));
            return if passed_on { Ok(()) } else { Err(Unwelcome::Forged) };
        }
        let guest = known.filter(|it| state.guests.contains_key(it));
        let shaken = guest.is_some_and(|it| state.guests[&it].shaken);
        if !belongs && !shaken {
            return Err(Unwelcome::Stranger);
        }
        // Gossip is passed on by others.
        if gossip.is_none() {
            self.may_be(caller, source)?;
        }
        match guest {
            Some(peer) => state.heard(peer, now),
            None if gossip.is_some() && message.cmd == Command::Beat.name() => {
                self.address(source)?;
                self.enter(state, names, source, Guest { place, shaken: false, last: Some(now) })?;
            }
            None => return Err(Unwelcome::Stranger),
        }
        if shaken {
            // A peer may be called at one address and call from another.
            state.belongs(place);
        }
        Ok(())
    }

    /// A node here has said something first: it may come back by way of others.
    pub fn has_said(&self, hash: i64) {
        let said = &mut self.state().said;
        if said.hashes.insert(hash) {
            said.order.push_back(hash);
            if said.order.len() > MAX_SAID
                && let Some(oldest) = said.order.pop_front()
            {
                said.hashes.remove(&oldest);
            }
        }
    }

    /// How many peers outside have been heard of, and how many messages of theirs were listened to.
    pub fn heard(&self) -> (u64, u64) {
        let state = self.state();
        (state.ever, state.messages)
    }

    /// Whether a peer has come of its own accord, and may be anybody.
    pub fn is_stranger(&self, peer: PeerId) -> bool {
        peer >= self.others
    }

    /// Takes a peer in, if its place has room for one more.
    fn enter(&self, state: &mut State, names: &Names, name: &str, guest: Guest) -> Result<(), Unwelcome> {
        let room = state.places.entry(guest.place).or_default();
        if *room.of(guest.shaken) >= MAX_BROUGHT {
            return Err(Unwelcome::Crowd);
        }
        let peer = names.number(name).ok_or(Unwelcome::Crowd)?;
        *room.of(guest.shaken) += 1;
        match state.guests.insert(peer, guest) {
            Some(before) => state.left(&before),
            None => state.ever += 1,
        }
        Ok(())
    }

    fn may_be(&self, caller: &Caller, name: &str) -> Result<(), Unwelcome> {
        if caller.may_be(&self.address(name)?) { Ok(()) } else { Err(Unwelcome::Certificate) }
    }

    /// Where a peer of this name could be called from here.
    fn address(&self, name: &str) -> Result<Address, Unwelcome> {
        let address: Address = name.parse().map_err(|_| Unwelcome::Uncallable)?;
        let callable = kind(&address) == self.callable && address.is_callable();
        callable.then_some(address).ok_or(Unwelcome::Uncallable)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets who has been silent for too long, and places where nobody is left.
    fn forget_silent(&mut self, guests: &Guests, names: &Names, now: u64) {
        if now < self.looked + LOOK_EVERY {
            return;
        }
        self.looked = now;
        let silent = |(peer, it): (&PeerId, &Guest)| {
            let stays = *peer < guests.others || (it.shaken && !guests.beats);
            (!stays && now.saturating_sub(it.last.unwrap_or(0)) > guests.patience).then_some(*peer)
        };
        for peer in self.guests.iter().filter_map(silent).collect::<Vec<_>>() {
            names.forget(peer);
            if let Some(guest) = self.guests.remove(&peer) {
                self.left(&guest);
            }
        }
    }

    /// What comes from a place is listened to from now on.
    fn belongs(&mut self, place: Place) {
        if self.places.len() < MAX_PLACES || self.places.contains_key(&place) {
            self.places.entry(place).or_default().belongs = true;
        }
    }

    fn heard(&mut self, peer: PeerId, now: u64) {
        if let Some(guest) = self.guests.get_mut(&peer) {
            self.ever += u64::from(guest.last.replace(now).is_none());
        }
    }

    /// A guest is not what it was any more. Where nobody belongs to the network any longer, nobody is listened to.
    fn left(&mut self, guest: &Guest) {
        let Some(room) = self.places.get_mut(&guest.place) else { return };
        *room.of(guest.shaken) = room.of(guest.shaken).saturating_sub(1);
        if (room.shaken, room.beating) == (0, 0) && !self.guests.values().any(|it| it.place == guest.place) {
            self.places.remove(&guest.place);
        }
    }
}

/// How one at this address is called. A name stands for an address of IP.
fn kind(address: &Address) -> Discriminant<Address> {
    match address {
        Address::Host(..) => discriminant(&Address::Tcp((Ipv4Addr::LOCALHOST, 0).into())),
        other => discriminant(other),
    }
}

impl Room {
    fn of(&mut self, shaken: bool) -> &mut u32 {
        if shaken { &mut self.shaken } else { &mut self.beating }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto;
    use std::net::IpAddr;

    const SECOND: u64 = 1_000_000_000;

    struct Door {
        names: Names,
        guests: Guests,
    }

    /// Two nodes, which connect to whoever `join` names.
    fn door(join: &[&str]) -> Door {
        let names = Names::default();
        for name in ["127.0.0.1:5000", "127.0.0.1:5001"].iter().chain(join) {
            names.number(name).unwrap();
        }
        let join: Vec<Address> = join.iter().map(|it| it.parse().unwrap()).collect();
        let own = "127.0.0.1:5000".parse().unwrap();
        Door { names, guests: Guests::new(2, &own, &join, Some(Duration::from_secs(5))) }
    }

    impl Door {
        fn admit(&self, from: &str, call: &Call, at: u64) -> Result<(), Unwelcome> {
            let caller = Caller::at(from.parse::<IpAddr>().unwrap().into());
            self.guests.admit(&self.names, &caller, call, at)
        }
    }

    fn said(source: &str, cmd: &str, payload: PayloadType) -> Call {
        let (source, cmd) = (source.into(), cmd.into());
        let message = proto::RootMessage { source, round: Some(0), cmd, payload_type: Some(payload) };
        Call::Send { message, bytes: 10 }
    }

    fn gossip(source: &str, cmd: &str, hash: i64) -> Call {
        said(source, cmd, PayloadType::GossipMessage(proto::GossipMessage { ttl: 3, hash, args: Vec::new() }))
    }

    fn model(source: &str) -> Call {
        said(source, "add_model", PayloadType::Weights(proto::Weights::default()))
    }

    fn handshake(name: &str) -> Call {
        Call::Handshake(name.into())
    }

    #[test]
    fn who_has_not_shaken_hands_is_not_listened_to_and_who_has_is() {
        let door = door(&[]);
        for call in
            [gossip("10.0.0.1:1", "stop_learning", 1), model("10.0.0.1:1"), gossip("10.0.0.1:1", "beat", 2)]
        {
            assert_eq!(door.admit("10.0.0.1", &call, 0), Err(Unwelcome::Stranger));
        }
        assert_eq!(door.names.len(), 2, "nobody is known for having been named");
        door.admit("10.0.0.1", &handshake("10.0.0.1:1"), 0).unwrap();
        for call in [gossip("10.0.0.1:1", "stop_learning", 1), model("10.0.0.1:1")] {
            assert_eq!(door.admit("10.0.0.1", &call, 0), Ok(()));
        }
        assert_eq!(
            door.admit("10.0.0.9", &gossip("10.0.0.7:1", "vote_train_set", 3), 0),
            Err(Unwelcome::Stranger)
        );
        assert_eq!(door.guests.heard(), (1, 3));
    }

    #[test]
    fn a_peer_passes_on_what_peers_further_away_say_once_they_have_beaten() {
        let door = door(&["10.0.0.1:1"]);
        assert_eq!(
            door.admit("10.0.0.1", &gossip("10.0.0.2:1", "models_ready", 1), 0),
            Err(Unwelcome::Stranger)
        );
        door.admit("10.0.0.1", &gossip("10.0.0.2:1", "beat", 2), 0).unwrap();
        door.admit("10.0.0.1", &gossip("10.0.0.2:1", "models_ready", 3), 0).unwrap();
        door.admit("10.0.0.2", &model("10.0.0.2:1"), 0).expect_err("of its own it has shaken no hands");
    }

    #[test]
    fn a_peer_that_calls_from_another_place_than_it_is_called_at_is_known_by_its_name() {
        let door = door(&["peer.example:1"]);
        assert_eq!(door.admit("10.0.0.1", &gossip("10.0.0.2:1", "beat", 1), 0), Err(Unwelcome::Stranger));
        door.admit("10.0.0.1", &gossip("peer.example:1", "beat", 2), 0).unwrap();
        door.admit("10.0.0.1", &gossip("10.0.0.2:1", "beat", 3), 0).unwrap();
    }

    #[test]
    fn nobody_speaks_for_a_node_here_but_who_passes_on_what_it_has_said() {
        let door = door(&["10.0.0.1:1"]);
        let own = "127.0.0.1:5001";
        let forged =
            [handshake(own), Call::Disconnect(own.into()), model(own), gossip(own, "stop_learning", 1)];
        for call in forged {
            assert_eq!(door.admit("10.0.0.1", &call, 0), Err(Unwelcome::Forged));
        }
        door.guests.has_said(7);
        assert_eq!(door.admit("10.0.0.1", &gossip(own, "beat", 7), 0), Ok(()));
        assert_eq!(door.admit("10.0.0.9", &gossip(own, "beat", 7), 0), Err(Unwelcome::Forged));
    }

    #[test]
    fn nobody_hangs_up_for_another() {
        let door = door(&["10.0.0.1:1"]);
        door.admit("10.0.0.2", &handshake("10.0.0.2:1"), 0).unwrap();
        let bye = |name: &str| Call::Disconnect(name.into());
        assert_eq!(door.admit("10.0.0.9", &bye("10.0.0.2:1"), 0), Err(Unwelcome::Forged));
        assert_eq!(door.admit("10.0.0.9", &bye("10.0.0.1:1"), 0), Err(Unwelcome::Forged));
        assert_eq!(door.admit("10.0.0.9", &bye("10.0.0.3:1"), 0), Err(Unwelcome::Stranger));
        assert_eq!(door.admit("10.0.0.2", &bye("10.0.0.2:1"), 0), Ok(()));
    }

    #[test]
    fn nobody_is_called_where_nobody_here_listens() {
        let door = door(&["10.0.0.1:1"]);
        for name in ["unix:///run/secret.sock", "10.0.0.1", "10.0.0.1:0", "", "no address"] {
            assert_eq!(door.admit("10.0.0.1", &handshake(name), 0), Err(Unwelcome::Uncallable), "{name}");
            let beat = gossip(name, "beat", 1);
            assert_eq!(door.admit("10.0.0.1", &beat, 0), Err(Unwelcome::Uncallable), "{name}");
        }
        door.admit("10.0.0.1", &handshake("peer.example:4000"), 0).unwrap();
    }

    #[test]
    fn a_caller_brings_only_so_many_along_and_keeps_nobody_else_out() {
        let door = door(&[]);
        let crowd = |from: &str, call: fn(String) -> Call| {
            let calls = (0..2 * MAX_BROUGHT).map(|i| call(format!("10.1.{}.{}:1", i / 256, i % 256)));
            calls.filter(|it| door.admit(from, it, 0).is_ok()).count() as u32
        };
        door.admit("10.0.0.9", &handshake("10.0.0.9:1"), 0).unwrap();
        assert_eq!(crowd("10.0.0.9", |name| gossip(&name, "beat", 1)), MAX_BROUGHT);
        let before = door.names.len();
        let refused = door.admit("10.0.0.9", &gossip("10.2.0.0:1", "beat", 2), 0);
        assert_eq!((refused, door.names.len()), (Err(Unwelcome::Crowd), before));
        door.admit("10.0.0.9", &handshake("10.0.0.8:1"), 0).expect("beats take no place of a handshake");
        door.admit("10.0.0.1", &handshake("10.0.0.1:1"), 0).expect("another caller has places of its own");
    }

    #[test]
    fn who_is_silent_is_forgotten_and_who_was_to_be_joined_is_not() {
        let door = door(&["10.0.0.1:1"]);
        door.admit("10.0.0.2", &handshake("10.0.0.2:1"), 0).unwrap();
        for i in 0..MAX_BROUGHT {
            door.admit("10.0.0.2", &gossip(&format!("10.1.{}.{}:1", i / 256, i % 256), "beat", 1), 0)
                .unwrap();
        }
        for second in 1..=100 {
            door.admit("10.0.0.3", &handshake("10.0.0.3:1"), second * SECOND).unwrap();
        }
        assert_eq!(door.names.find("10.0.0.2:1"), None);
        assert_eq!(door.names.len(), 4, "two nodes, who was to be joined, and who goes on");
        let late = gossip("10.0.0.2:1", "stop_learning", 9);
        assert_eq!(
            door.admit("10.0.0.2", &late, 101 * SECOND),
            Err(Unwelcome::Stranger),
            "it has to shake hands anew"
        );
        door.admit("10.0.0.2", &handshake("10.0.0.2:1"), 101 * SECOND).unwrap();
        door.admit("10.0.0.1", &gossip("10.0.0.1:1", "beat", 10), 101 * SECOND).unwrap();
    }
}
