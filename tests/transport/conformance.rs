//! The promises, and the transports that keep them.

use crate::rig::Kind;
use crate::{calls, outages, strain};
use p2pfl_sim::transport::Protocol;

/// Tries every promise with a transport, each in a test of its own.
macro_rules! conforms {
    ($($(#[$only:meta])* $name:ident: $protocol:expr, $carrier:ident;)*) => {$(
        $(#[$only])*
        mod $name {
            use super::*;

            const KIND: Kind = Kind { protocol: $protocol, carrier: crate::rig::Carrier::$carrier };

            promises! {
                calls::the_three_calls_come_through_and_back,
                calls::a_model_comes_as_it_was_sent_whichever_way_it_is_encoded,
                calls::every_message_is_delivered_once_and_in_order_where_that_is_promised,
                calls::bytes_are_counted_at_both_ends_of_a_socket,
                calls::an_answer_that_does_not_come_in_time_is_a_timeout,
                calls::an_answer_that_was_late_is_taken_for_no_other,
                calls::a_call_that_nobody_answers_is_unavailable,
                calls::a_message_that_is_too_large_is_refused_by_its_length,
                calls::a_channel_takes_no_more_than_its_backlog,
                outages::a_node_that_is_down_hangs_up_and_comes_back_under_its_address,
                outages::a_peer_that_dies_in_the_middle_of_a_message_took_nothing,
                outages::a_port_that_nobody_has_fails_at_once,
                outages::a_peer_outside_is_waited_for,
                outages::a_channel_connects_again_after_its_peer_was_replaced,
                outages::an_idle_connection_is_closed_and_opened_again_when_it_is_needed,
                outages::a_closed_channel_ends_its_calls,
                outages::a_server_that_is_gone_leaves_no_call_waiting,
                strain::whoever_has_no_answers_is_asked_no_more_than_the_limit_says,
                strain::more_connections_than_a_node_takes_are_hung_up_on,
                strain::garbage_is_hung_up_on_and_leaves_the_node_going_on,
                strain::whoever_says_nothing_is_hung_up_on,
            }
        }
    )*};
}

macro_rules! promises {
    ($($room:ident::$promise:ident,)*) => {$(
        #[tokio::test]
        async fn $promise() {
            $room::$promise(KIND).await;
        }
    )*};
}

conforms! {
    grpc: Protocol::Grpc, Tcp;
    grpc_uds: Protocol::Grpc, Unix;
    grpc_mtls: Protocol::Grpc, Tls;
    grpc_stream: Protocol::GrpcStream, Tcp;
    grpc_stream_uds: Protocol::GrpcStream, Unix;
    grpc_stream_mtls: Protocol::GrpcStream, Tls;
    websocket: Protocol::WebSocket, Tcp;
    websocket_tls: Protocol::WebSocket, Tls;
    http1: Protocol::Http, Tcp;
    http1_tls: Protocol::Http, Tls;
    http2: Protocol::Http2, Tcp;
    http2_tls: Protocol::Http2, Tls;
    #[cfg(feature = "libp2p")]
    libp2p: Protocol::Libp2p, Tcp;
}
