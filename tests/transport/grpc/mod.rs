//! What only gRPC can be sent wrong.

mod attackers;
