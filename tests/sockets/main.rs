//! The socket transport through real sockets: calls between peers that behave (`calls`), one that goes down
//! (`outages`), and peers that do not behave (`attackers`).

mod attackers;
mod calls;
mod outages;
mod raw;
mod rig;
