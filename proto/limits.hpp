#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// Every bound of the product, with its reason. "Full" is always answered by a refusal that is counted.
namespace mco::proto::limits {

using namespace std::chrono_literals;

// Frames and envelopes, in octets.
inline constexpr std::size_t frame_size_max = 1024 * 1024;       // one message on a link; libzmq MAXMSGSIZE is a little more
inline constexpr std::size_t hello_size_max = 8 * 1024;          // before HELLO is verified nothing larger is read
inline constexpr std::size_t certificate_size_max = 1024;
inline constexpr std::size_t record_size_max = 2 * 1024;         // a signed peer record with its certificate
inline constexpr std::size_t request_size_max = 512 * 1024;      // sealed request: 256 KiB of arguments fit comfortably
inline constexpr std::size_t route_size_max = 4 * 1024;          // two certificates and little else
inline constexpr std::size_t reply_size_max = 768 * 1024;        // sealed reply; room for the frame around it

// Parsing. A five-octet header may announce 2^32 elements: these are checked before anything is allocated.
inline constexpr std::size_t value_depth_max = 16;
inline constexpr std::size_t value_elements_max = 65'536;        // of all containers of one value together
inline constexpr std::size_t text_size_max = 512 * 1024;         // one string inside a value
inline constexpr std::size_t wire_depth_max = value_depth_max + 4;          // an agent wraps what it read: {"facts": {...}}
inline constexpr std::size_t wire_elements_max = 2 * value_elements_max;    // for the same reason
inline constexpr std::size_t fields_max = 64;                    // of one message or struct; only its exact count is accepted
inline constexpr std::size_t roots_max = 4;                      // authorities trusted at once: two while one takes the other's place
inline constexpr std::size_t revocations_max = 10'000;           // certificates on one list; those that ended by themselves are taken off
inline constexpr std::size_t revocation_list_size_max = 192 * 1024;
inline constexpr std::size_t chain_max = 2;                      // a certificate and its issuer's
inline constexpr std::size_t scope_actions_max = 64;             // globs in a certificate; all must fit in certificate_size_max
inline constexpr std::size_t action_glob_size_max = 129;         // AGENT/ACTION
inline constexpr std::size_t reason_size_max = 512;              // a sentence for a person beside a code
inline constexpr std::size_t name_size_max = 64;                 // identities, agents, actions, collectives, facts' keys are longer
inline constexpr std::size_t fact_name_size_max = 256;
inline constexpr std::size_t filter_terms_max = 256;             // of one kind
inline constexpr std::size_t identities_max = 8'192;             // -I terms: the members of a whole group, by name
inline constexpr std::size_t filter_text_size_max = 4 * 1024;    // one term, so one regular expression
inline constexpr std::size_t conditions_max = 16;                // -S options of one request
inline constexpr std::size_t condition_steps_max = 256;          // operands and operators of one
inline constexpr std::size_t condition_depth_max = 32;           // parentheses and negations within each other
inline constexpr std::size_t data_queries_max = 16;              // different ones in one filter: each may block a worker
inline constexpr std::size_t data_query_size_max = 256;
inline constexpr std::size_t filter_program_max = 16 * 1024;      // RE2's steps, of one filter: compiling stays within 20 ms
inline constexpr std::size_t filter_effort_max = 8 * 1024 * 1024; // steps of 10 ns to ask a node one filter; above: no match
inline constexpr std::size_t schema_size_max = 1024 * 1024;      // a DDL file
inline constexpr std::size_t facts_size_max = 1024 * 1024;       // a facts file
inline constexpr std::size_t config_size_max = 256 * 1024;
inline constexpr std::size_t config_files_max = 256;             // in plugin.d
inline constexpr std::size_t agents_max = 1'024;                 // DDLs that one program looks at
inline constexpr std::size_t key_file_size_max = 4 * 1024;

// The mesh.
inline constexpr std::size_t full_mesh_max = 16;                 // up to here every peer is a relay
inline constexpr std::size_t relays_max = 512;                   // of one group: computed ones; then leaves are many a relay
inline constexpr std::size_t relay_children_max = 2'048;         // leaves of one relay; above: redirected to the next
inline constexpr std::size_t groups_max = 64;                    // other groups that a group knows
inline constexpr std::size_t gateways_max = 2;                   // of one group: each two are linked
inline constexpr std::size_t redirect_records_max = 4;           // relays named to a caller
inline constexpr std::size_t roster_max = 8'192;                 // members of one group
inline constexpr std::size_t lanes_max = 8;                      // connections of one link between groups
inline constexpr std::size_t lanes_held_max = 8 * 1024 * 1024;   // octets that came over some before others
inline constexpr std::size_t credit_window = 1024 * 1024;        // octets of answers told and not taken yet, by request and link
inline constexpr std::size_t credit_step = 256 * 1024;           // taken octets are told in such portions
inline constexpr std::size_t backlog_max = 8 * 1024 * 1024;      // octets that wait for the asker: above, nothing more is let come
inline constexpr std::size_t links_max = 4'096;                  // accepted and dialled, callers included
inline constexpr std::size_t unverified_links_max = 512;         // connections that have not finished HELLO
inline constexpr std::size_t roster_entries_per_frame_max = 512;
inline constexpr std::size_t results_per_frame_max = 4'096;
inline constexpr std::size_t live_requests_max = 1'024;          // above: overloaded, said to the caller
inline constexpr std::size_t remembered_requests_max = 10'000;   // finished ones, for duplicates; oldest forgotten first
inline constexpr std::size_t cached_reply_bytes_max = 64 * 1024 * 1024;
inline constexpr std::uint8_t hops_max = 6;
inline constexpr std::size_t endpoint_size_max = 256;
inline constexpr std::size_t collectives_max = 64;

// Time.
inline constexpr std::chrono::microseconds wall_time_max = 24h * 365 * 8'000;  // about the year 9964: no sum overflows
inline constexpr auto request_ttl_max = 300s;
inline constexpr auto clock_skew_max = 60s;
inline constexpr auto request_timeout_max = 24h;
inline constexpr std::size_t replay_entries_max = 200'000;       // of all callers; one caller gets a quarter

}  // namespace mco::proto::limits
