//! The requests that are served, in which versions, and their fields.

use kafka_protocol::messages::ApiKey;

/// A request of the API: key, least and greatest version served, first version with compact fields, fields.
///
/// Fields in order: a digit is a number of that many bytes, `s` a string, `b` bytes, `*4` an array of numbers,
/// `*s` an array of strings, `[...]` an array of structures; `@2`, `@2-4` say in which versions it is there.
#[rustfmt::skip]
pub(super) const REQUESTS: &[(ApiKey, i16, i16, i16, &str)] = &[
    (ApiKey::Produce, 3, 9, 9, "s 2 4 [ s [ 4 b ] ]"),
    (ApiKey::Fetch, 4, 12, 12, "4 4 4 4 1 4@7 4@7 [ s [ 4 4@9 8 4@12 8@5 4 ] ] [ s *4 ]@7 s@11"),
    (ApiKey::ListOffsets, 1, 7, 6, "4 1@2 [ s [ 4 4@4 8 ] ]"),
    (ApiKey::Metadata, 0, 9, 9, "[ s ] 1@4 1@8 1@8"),
    (ApiKey::OffsetCommit, 2, 8, 8, "s 4 s s@7 8@2-4 [ s [ 4 8 4@6 s ] ]"),
    (ApiKey::OffsetFetch, 1, 8, 6, "s@0-7 [ s *4 ]@0-7 [ s [ s *4 ] ]@8 1@7"),
    (ApiKey::FindCoordinator, 0, 4, 3, "s@0-3 1@1 *s@4"),
    (ApiKey::JoinGroup, 0, 9, 6, "s 4 4@1 s s@5 s [ s b ] s@8"),
    (ApiKey::Heartbeat, 0, 4, 4, "s 4 s s@3"),
    (ApiKey::LeaveGroup, 0, 5, 4, "s s@0-2 [ s s s@5 ]@3"),
    (ApiKey::SyncGroup, 0, 5, 4, "s 4 s s@3 s@5 s@5 [ s b ]"),
    (ApiKey::DescribeGroups, 0, 5, 5, "*s 1@3"),
    (ApiKey::ListGroups, 0, 4, 3, "*s@4"),
    (ApiKey::ApiVersions, 0, 3, 3, "s@3 s@3"),
    (ApiKey::CreateTopics, 2, 6, 5, "[ s 4 2 [ 4 *4 ] [ s s ] ] 4 1"),
    (ApiKey::DeleteTopics, 1, 5, 4, "*s 4"),
    (ApiKey::DeleteRecords, 0, 2, 2, "[ s [ 4 8 ] ] 4"),
    (ApiKey::InitProducerId, 0, 4, 2, "s 4 8@3 2@3"),
    (ApiKey::OffsetForLeaderEpoch, 2, 4, 4, "4@3 [ s [ 4 4 4 ] ]"),
    (ApiKey::AddPartitionsToTxn, 0, 3, 3, "s 8 2 [ s *4 ]"),
    (ApiKey::AddOffsetsToTxn, 0, 3, 3, "s 8 2 s"),
    (ApiKey::EndTxn, 0, 3, 3, "s 8 2 1"),
    (ApiKey::TxnOffsetCommit, 0, 3, 3, "s s 8 2 4@3 s@3 s@3 [ s [ 4 8 4@2 s ] ]"),
    (ApiKey::DescribeConfigs, 1, 4, 4, "[ 1 s *s ] 1 1@3"),
    (ApiKey::AlterConfigs, 0, 2, 2, "[ 1 s [ s s ] ] 1"),
    (ApiKey::CreatePartitions, 0, 3, 2, "[ s 4 [ *4 ] ] 4 1"),
    (ApiKey::DeleteGroups, 0, 2, 2, "*s"),
    (ApiKey::IncrementalAlterConfigs, 0, 1, 1, "[ 1 s [ s 1 s ] ] 1"),
    (ApiKey::OffsetDelete, 0, 0, 99, "s [ s [ 4 ] ]"),
    (ApiKey::DescribeCluster, 0, 0, 0, "1"),
    (ApiKey::DescribeProducers, 0, 0, 0, "[ s *4 ]"),
    (ApiKey::DescribeTransactions, 0, 0, 0, "*s"),
    (ApiKey::ListTransactions, 0, 0, 0, "*s *8"),
];
