//! What nodes of `rumor` say to each other. The round is that in which they say it.

use crate::wire::own_messages;

own_messages! {
    /// "I tell you the rumor."
    pub static RUMOR = "rumor" { mark: 6, news: true, args: [] };
    /// "Do you know one?"
    pub static RUMOR_REQUEST = "rumor_request" { mark: 7, news: false, args: [] };
}
