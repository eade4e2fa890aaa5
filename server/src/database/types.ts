import type { ColumnType } from "kysely";
export type Generated<T> = T extends ColumnType<infer S, infer I, infer U>
  ? ColumnType<S, I | undefined, U>
  : ColumnType<T, T | undefined, T>;
export type Timestamp = ColumnType<Date, Date | string, Date | string>;

export type account_deletions = {
    user_id: string;
    deleted_at: Generated<Timestamp>;
};
export type agent_logs = {
    id: string;
    agent_id: string | null;
    user_id: string;
    timestamp: Timestamp;
    input: string;
    output: string | null;
    metadata: Generated<unknown>;
    user_agent_id: string | null;
    conversation_id: string;
    status: string;
    error_code: string | null;
    source: string;
    model: string | null;
    input_tokens: number | null;
    output_tokens: number | null;
    cost_usd: string | null;
    latency_ms: number | null;
    rating: number | null;
    rating_comment: string | null;
    node_id: string | null;
};
export type agent_versions = {
    agent_id: string;
    version: number;
    name: string;
    description: string;
    capabilities: unknown;
    created_at: Generated<Timestamp>;
};
export type agents = {
    id: string;
    name: string;
    description: string;
    type: string;
    capabilities: unknown;
    is_public: Generated<boolean>;
    creator_id: string | null;
    slug: string | null;
    version: Generated<number>;
    changes: Generated<unknown>;
    publication_requested_at: Timestamp | null;
    publication_note: string | null;
    created_at: Generated<Timestamp>;
    updated_at: Generated<Timestamp>;
};
export type api_keys = {
    id: string;
    user_id: string;
    name: string;
    prefix: string;
    key_hash: Buffer;
    last_used_at: Timestamp | null;
    expires_at: Timestamp | null;
    revoked_at: Timestamp | null;
    created_at: Generated<Timestamp>;
};
export type encryption_keys = {
    id: string;
    created_at: Generated<Timestamp>;
};
export type idempotency_keys = {
    user_id: string;
    key: string;
    request_hash: Buffer;
    log_id: string;
    log_timestamp: Timestamp;
    created_at: Generated<Timestamp>;
};
export type installation = {
    name: string;
    value: unknown;
    created_at: Generated<Timestamp>;
};
export type integrations = {
    id: string;
    user_agent_id: string;
    type: string;
    credentials: Generated<unknown>;
    settings: Generated<unknown>;
    created_at: Generated<Timestamp>;
    updated_at: Generated<Timestamp>;
    credentials_key_id: string | null;
    status: Generated<string>;
};
export type plans = {
    id: string;
    name: string;
    description: string;
    price: string;
    features: Generated<unknown>;
    slug: string | null;
    created_at: Generated<Timestamp>;
    updated_at: Generated<Timestamp>;
};
export type server_nodes = {
    id: string;
    started_at: Generated<Timestamp>;
    heartbeat_at: Generated<Timestamp>;
};
export type sessions = {
    id: string;
    user_id: string;
    refresh_token_hash: Buffer;
    previous_token_hash: Buffer | null;
    rotated_at: Generated<Timestamp>;
    user_agent_header: string | null;
    created_at: Generated<Timestamp>;
    expires_at: Timestamp;
};
export type sign_in_attempts = {
    key_hash: Buffer;
    failures: number;
    window_start: Timestamp;
};
export type subscriptions = {
    id: string;
    user_id: string;
    plan_id: string;
    status: string;
    start_date: Timestamp;
    end_date: Timestamp | null;
    created_at: Generated<Timestamp>;
    updated_at: Generated<Timestamp>;
};
export type user_agents = {
    id: string;
    user_id: string;
    agent_id: string;
    settings: Generated<unknown>;
    is_active: Generated<boolean>;
    name: string;
    agent_version: number;
    model: string | null;
    created_at: Generated<Timestamp>;
    updated_at: Generated<Timestamp>;
};
export type users = {
    id: string;
    email: string;
    password: string | null;
    first_name: string | null;
    last_name: string | null;
    avatar_url: string | null;
    role: Generated<string>;
    suspended_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    updated_at: Generated<Timestamp>;
};
export type Tables = {
    agent_logs: agent_logs;
    agent_versions: agent_versions;
    agents: agents;
    api_keys: api_keys;
    encryption_keys: encryption_keys;
    idempotency_keys: idempotency_keys;
    installation: installation;
    integrations: integrations;
    plans: plans;
    server_nodes: server_nodes;
    sessions: sessions;
    sign_in_attempts: sign_in_attempts;
    subscriptions: subscriptions;
    user_agents: user_agents;
    users: users;
};
    account_deletions: account_deletions;
