//! The vote: every node draws candidates for the train set and gives each a weight; the candidates with the highest
//! sums train.

use super::{At, P2pfl, Votes};
use crate::node::context::Context;
use crate::node::io::{Record, Timer, Weight};
use crate::node::links::Links;
use crate::node::peer_map::PeerMap;
use crate::random::Purpose;
use crate::wire::{GossipBody, PeerId};
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;

/// How often P2PFL looks whether all votes are in, beside when one comes.
const POLL: Duration = Duration::from_secs(2);

/// The weights that a voter gives are drawn up to this, and divided by the candidate's place.
const MAX_WEIGHT: u32 = 1000;

impl P2pfl {
    /// Enters the round: casts a vote, and waits for the others'.
    pub(super) fn vote(&mut self, cx: &mut Context, links: &mut Links) {
        self.enter(cx, At::Vote);
        self.round_began = cx.now;
        self.voted = true;
        self.trained = false;
        cx.record(Record::RoundStarted(self.round));
        let ballot = self.ballot(cx, links);
        self.votes.insert(links.node(), Arc::clone(&ballot));
        links.broadcast(cx, self.round as i32, GossipBody::Vote(ballot));
        cx.set_timer(Timer::Stage, cx.now + cx.rules.settings.training.vote_timeout.0, Weight::Progress);
        self.poll_votes(cx, links);
        self.pull(cx, links);
    }

    fn ballot(&mut self, cx: &Context, links: &Links) -> Votes {
        let mut candidates: Vec<PeerId> = links.neighbours.iter().map(|(peer, _)| peer).collect();
        candidates.push(links.node());
        candidates.sort_unstable_by(|&a, &b| cx.rules.book.compare(a, b));
        self.ballots += 1;
        let mut random = cx.random(links.node(), Purpose::Vote, self.ballots);
        let amount = candidates.len().min(self.trainset_size());
        let chosen = rand::seq::index::sample(&mut random, candidates.len(), amount);
        let weigh = |(place, i): (usize, usize)| {
            (candidates[i], random.random_range(0..=MAX_WEIGHT) / (place as u32 + 1))
        };
        chosen.into_iter().enumerate().map(weigh).collect()
    }

    pub(super) fn trainset_size(&self) -> usize {
        self.experiment.as_ref().map_or(0, |it| it.trainset_size as usize)
    }

    /// A vote has come. P2PFL takes those of its own and the next round into one list, which the end of the vote
    /// empties: an early vote for the next round is lost, or stands in for the sender's vote in this one.
    pub(super) fn take_vote(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        source: PeerId,
        round: i32,
        votes: &Votes,
    ) {
        if self.experiment.is_none() {
            return;
        }
        if self.repaired {
            self.voters.insert(source, ());
        }
        let ahead = i64::from(round) - i64::from(self.round);
        match ahead {
            0 => self.votes.insert(source, Arc::clone(votes)),
            1 if self.repaired => self.next_votes.insert(source, Arc::clone(votes)),
            1 => self.votes.insert(source, Arc::clone(votes)),
            _ => return,
        };
        if self.at == At::Vote {
            self.check_votes(cx, links);
        }
    }

    pub(super) fn poll_votes(&mut self, cx: &mut Context, links: &mut Links) {
        cx.set_timer(Timer::Poll, cx.now + POLL, Weight::Background);
        self.check_votes(cx, links);
    }

    /// Ends the vote if everyone known has voted.
    pub(super) fn check_votes(&mut self, cx: &mut Context, links: &mut Links) {
        // Looking through everyone at every vote would cost the square of the number of peers.
        let skipped = if self.repaired { links.neighbours.newcomers() + self.joiners } else { 0 };
        if self.votes.len() + skipped <= links.neighbours.len() {
            return;
        }
        if self.missing_votes(links).next().is_none() {
            self.close_vote(cx, links);
        }
    }

    /// Known peers whose votes are still needed.
    pub(super) fn missing_votes<'a>(&'a self, links: &'a Links) -> impl Iterator<Item = PeerId> + 'a {
        links
            .neighbours
            .iter()
            .filter(|(peer, it)| !self.votes.contains(*peer) && self.takes_part(*peer, it.since))
            .map(|(peer, _)| peer)
    }

    /// Whether a known peer votes in this round. P2PFL waits for everyone it knows; `repaired` leaves out those that
    /// it has met since learning began and that have not joined in an earlier round.
    fn takes_part(&self, peer: PeerId, since: crate::time::Time) -> bool {
        if !self.repaired {
            return true;
        }
        match self.status.get(peer) {
            Some(status) => status.joined < self.round as i32,
            None => since <= self.started(),
        }
    }

    /// The vote is over: all are in, or the time is up. Who is missing does not count.
    pub(super) fn close_vote(&mut self, cx: &mut Context, links: &mut Links) {
        let mut ranking = self.tally(links);
        ranking.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(cx.rules.book.compare(b.0, a.0)));
        ranking.truncate(self.trainset_size());
        let mut elected: Vec<PeerId> = ranking.into_iter().map(|(peer, _)| peer).collect();
        let valid = |peer: PeerId| peer == links.node() || links.neighbours.knows(peer);
        if self.repaired {
            elected.retain(|&peer| valid(peer));
        } else {
            // P2PFL removes from the list that it goes through, and so skips whoever comes after one it removed.
            let mut i = 0;
            while i < elected.len() {
                if !valid(elected[i]) {
                    elected.remove(i);
                }
                i += 1;
            }
        }
        elected.sort_unstable();
        self.train_set = elected.into();
        self.votes.clear();
        if self.train_set.contains(&links.node()) {
            self.train(cx, links);
        } else {
            self.wait(cx, links);
        }
    }

    /// The sum of weights of each candidate, over the votes of known peers and the node's own.
    fn tally(&self, links: &Links) -> Vec<(PeerId, u64)> {
        let mut sums: PeerMap<u64> = PeerMap::default();
        for (voter, votes) in self.votes.iter() {
            if voter == links.node() || links.neighbours.knows(voter) {
                for &(candidate, weight) in votes.iter() {
                    *sums.entry(candidate, || 0) += u64::from(weight);
                }
            }
        }
        let mut ranking: Vec<(PeerId, u64)> = sums.iter().map(|(peer, &sum)| (peer, sum)).collect();
        if self.repaired {
            self.leave_out_who_never_votes(links, &mut ranking);
        }
        ranking
    }

    /// Whom the node knows, and has not heard to vote in any round, may not be there at all, and everybody would wait for
    /// what it trains. In its place there may be anybody else who has voted. It must not matter whether the vote was in this
    /// round: not all nodes hear all votes in time, and they are to elect the same peers.
    fn leave_out_who_never_votes(&self, links: &Links, ranking: &mut Vec<(PeerId, u64)>) {
        let candidates = ranking.len();
        ranking.retain(|(peer, _)| self.voters.contains(*peer) || !links.neighbours.knows(*peer));
        if ranking.len() < candidates {
            ranking.sort_unstable_by_key(|it| it.0);
            let named = |peer| ranking.binary_search_by_key(&peer, |it| it.0).is_ok();
            let others: Vec<_> = self.votes.iter().filter(|it| !named(it.0)).map(|it| (it.0, 0)).collect();
            ranking.extend(others);
        }
    }
}
