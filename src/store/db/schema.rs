//! The tables, identical in both databases. A test compares them with the migrations.

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    accounts (id) {
        id -> Binary,
        kind -> Text,
        balance_msat -> BigInt,
        entries -> BigInt,
        keys_version -> BigInt,
        closed_at_ms -> Nullable<BigInt>,
        frozen_by_manager -> Nullable<Text>,
        frozen_by_operator -> Nullable<Text>,
        payment_max_msat -> Nullable<BigInt>,
        day_max_msat -> Nullable<BigInt>,
        spent_day -> BigInt,
        spent_msat -> BigInt,
        tenant -> Nullable<Binary>,
        root_id -> Nullable<Binary>,
        deactivated -> Bool,
        moved_at_ms -> Nullable<BigInt>,
        held_msat -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> Binary,
        manager_id -> Nullable<Binary>,
        name -> Text,
        email -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        extra -> Nullable<Text>,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
        deleted_at_ms -> Nullable<BigInt>,
        username -> Nullable<Text>,
        role -> Text,
        root_id -> Binary,
        may_create_users -> Bool,
        external_id -> Nullable<Text>,
        deactivated_at_ms -> Nullable<BigInt>,
        deleting_until_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (token_digest) {
        token_digest -> Binary,
        user_id -> Binary,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
    }
}

diesel::table! {
    tokens (id) {
        id -> Binary,
        token_digest -> Binary,
        user_id -> Binary,
        name -> Text,
        scopes -> BigInt,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        last_used_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    wallets (id) {
        id -> Binary,
        user_id -> Binary,
        name -> Text,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
        deleted_at_ms -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        tenant -> Nullable<Binary>,
    }
}

diesel::table! {
    wallet_keys (digest) {
        digest -> Binary,
        wallet_id -> Binary,
        kind -> Text,
        sealed -> Binary,
    }
}

diesel::table! {
    invoices (id) {
        id -> Binary,
        wallet_id -> Binary,
        payment_hash -> Binary,
        preimage_sealed -> Nullable<Binary>,
        bolt11 -> Nullable<Text>,
        amount_msat -> BigInt,
        memo -> Text,
        state -> Text,
        webhook -> Nullable<Text>,
        extra -> Nullable<Text>,
        tag -> Nullable<Text>,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        paid_at_ms -> Nullable<BigInt>,
        expired_at_ms -> Nullable<BigInt>,
        origin -> Nullable<Binary>,
        external_id -> Nullable<Text>,
        open_origin -> Nullable<Binary>,
        issued_extra -> Nullable<Text>,
        tenant -> Nullable<Binary>,
        at_node -> Nullable<Text>,
    }
}

diesel::table! {
    pay_links (id) {
        id -> Binary,
        public_id -> Text,
        wallet_id -> Binary,
        description -> Text,
        min -> Text,
        max -> Text,
        currency -> Nullable<Text>,
        fiat_base_multiplier -> BigInt,
        comment_chars -> BigInt,
        username -> Nullable<Text>,
        webhook_url -> Nullable<Text>,
        webhook_headers_sealed -> Nullable<Binary>,
        webhook_body -> Nullable<Text>,
        success_text -> Nullable<Text>,
        success_url -> Nullable<Text>,
        domain -> Nullable<Text>,
        disposable -> Bool,
        served_meta -> BigInt,
        served_pr -> BigInt,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
    }
}

diesel::table! {
    cards (id) {
        id -> Binary,
        public_id -> Text,
        wallet_id -> Binary,
        user_id -> Binary,
        name -> Text,
        uid -> Binary,
        external_id -> Text,
        counter -> BigInt,
        tx_limit_sat -> BigInt,
        daily_limit_sat -> BigInt,
        enabled -> Bool,
        keys_sealed -> Binary,
        otp_digest -> Nullable<Binary>,
        otp_expires_at_ms -> Nullable<BigInt>,
        spent_day -> BigInt,
        spent_msat -> BigInt,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    card_counters (user_id, uid, keys_digest) {
        user_id -> Binary,
        uid -> Binary,
        keys_digest -> Binary,
        counter -> BigInt,
    }
}

diesel::table! {
    hits (id) {
        id -> Binary,
        card_id -> Binary,
        ip -> Text,
        useragent -> Text,
        old_counter -> BigInt,
        new_counter -> BigInt,
        amount_msat -> Nullable<BigInt>,
        transfer_id -> Nullable<Binary>,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
    }
}

diesel::table! {
    withdraw_links (id) {
        id -> Binary,
        public_id -> Text,
        secret_digest -> Binary,
        secret_sealed -> Binary,
        wallet_id -> Binary,
        title -> Text,
        min_msat -> BigInt,
        max_msat -> BigInt,
        uses -> BigInt,
        used -> BigInt,
        uses_left -> Text,
        next_use -> BigInt,
        wait_s -> BigInt,
        is_unique -> Bool,
        enabled -> Bool,
        webhook_url -> Nullable<Text>,
        webhook_headers_sealed -> Nullable<Binary>,
        webhook_body -> Nullable<Text>,
        custom_url -> Nullable<Text>,
        last_used_at_ms -> Nullable<BigInt>,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    withdrawals (id) {
        id -> Binary,
        link_id -> Binary,
        wallet_id -> Binary,
        transfer_id -> Binary,
        amount_msat -> BigInt,
        number -> BigInt,
        last_used_before_ms -> Nullable<BigInt>,
        failed -> Bool,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    login_attempts (subject) {
        subject -> Binary,
        failures -> BigInt,
        last_at_ms -> BigInt,
    }
}

diesel::table! {
    idempotency (account_id, key_digest) {
        account_id -> Binary,
        key_digest -> Binary,
        request_digest -> Binary,
        payment_ids -> Nullable<Binary>,
        answer_sealed -> Nullable<Binary>,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    transfers (debit_account, id) {
        id -> Binary,
        invoice_id -> Binary,
        kind -> Text,
        debit_account -> Binary,
        credit_account -> Binary,
        amount_msat -> BigInt,
        debit_balance_msat -> BigInt,
        credit_balance_msat -> BigInt,
        debit_entry -> BigInt,
        credit_entry -> BigInt,
        extra -> Nullable<Text>,
        tag -> Nullable<Text>,
        created_at_ms -> BigInt,
        webhook -> Nullable<Text>,
        external_id -> Nullable<Text>,
        tenant -> Nullable<Binary>,
        payee_tenant -> Nullable<Binary>,
    }
}

diesel::table! {
    holds (id) {
        id -> Binary,
        wallet_id -> Binary,
        tenant -> Nullable<Binary>,
        manager_id -> Nullable<Binary>,
        group_name -> Nullable<Text>,
        payment_hash -> Binary,
        invoice_id -> Nullable<Binary>,
        amount_msat -> BigInt,
        captured_msat -> BigInt,
        released_msat -> BigInt,
        state -> Text,
        moves -> BigInt,
        memo -> Text,
        extra -> Nullable<Text>,
        tag -> Nullable<Text>,
        webhook -> Nullable<Text>,
        external_id -> Nullable<Text>,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        closed_at_ms -> Nullable<BigInt>,
        bolt11 -> Nullable<Text>,
        sent_msat -> Nullable<BigInt>,
        fee_msat -> Nullable<BigInt>,
        preimage_sealed -> Nullable<Binary>,
    }
}

diesel::table! {
    hold_moves (hold_id, n) {
        hold_id -> Binary,
        n -> BigInt,
        kind -> Text,
        amount_msat -> BigInt,
        transfer_id -> Nullable<Binary>,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    /// A view: one row for each side of a payment, as its wallet sees it.
    payments (id) {
        id -> Binary,
        wallet_id -> Binary,
        payment_hash -> Binary,
        invoice_id -> Binary,
        preimage_sealed -> Nullable<Binary>,
        bolt11 -> Nullable<Text>,
        amount_msat -> BigInt,
        fee_msat -> BigInt,
        memo -> Text,
        state -> Text,
        webhook -> Nullable<Text>,
        extra -> Nullable<Text>,
        tag -> Nullable<Text>,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        paid_at_ms -> Nullable<BigInt>,
        external_id -> Nullable<Text>,
        tenant -> Nullable<Binary>,
    }
}

diesel::table! {
    sends (hold_id) {
        hold_id -> Binary,
        payment_hash -> Binary,
        wallet_id -> Binary,
        tenant -> Nullable<Binary>,
        state -> Text,
        reserved_msat -> BigInt,
        amount_msat -> Nullable<BigInt>,
        fee_max_msat -> BigInt,
        service_fee_msat -> BigInt,
        node -> Nullable<Text>,
        earlier_attempt -> Nullable<BigInt>,
        tries -> BigInt,
        sent_at_ms -> Nullable<BigInt>,
        owner -> Nullable<Binary>,
        due_at_ms -> BigInt,
        note -> Nullable<Text>,
        created_at_ms -> BigInt,
        ended_at_ms -> Nullable<BigInt>,
        is_late -> Bool,
    }
}

diesel::table! {
    receipts (node, payment_hash) {
        node -> Text,
        payment_hash -> Binary,
        amount_msat -> BigInt,
        received_at_ms -> BigInt,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    nodes (id) {
        id -> Text,
        cursor_place -> BigInt,
        first_seen_at_ms -> BigInt,
        leader -> Nullable<Binary>,
        leads_until_ms -> BigInt,
    }
}

diesel::table! {
    payment_counts (tenant, side) {
        tenant -> Binary,
        side -> Text,
        before_id -> Binary,
        payments -> BigInt,
    }
}

diesel::table! {
    subscriptions (manager_id) {
        manager_id -> Binary,
        kinds -> BigInt,
    }
}

diesel::table! {
    endpoints (id) {
        id -> Binary,
        manager_id -> Binary,
        url -> Text,
        kinds -> BigInt,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
        paused_at_ms -> Nullable<BigInt>,
        deleted_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    webhook_secrets (owner_id) {
        owner_id -> Binary,
        kind -> Text,
        sealed -> Binary,
    }
}

diesel::table! {
    events (consumer, id) {
        id -> Binary,
        kind -> Text,
        account_id -> Nullable<Binary>,
        row_id -> Nullable<Binary>,
        manager_id -> Nullable<Binary>,
        payload -> Nullable<Text>,
        created_at_ms -> BigInt,
        consumer -> Binary,
    }
}

diesel::table! {
    deliveries (id) {
        id -> Binary,
        event_id -> Binary,
        kind -> Text,
        owner_id -> Binary,
        owner_kind -> Text,
        account_id -> Nullable<Binary>,
        row_id -> Nullable<Binary>,
        payload -> Nullable<Text>,
        host -> Text,
        state -> Text,
        line -> Nullable<Binary>,
        next_at_ms -> Nullable<BigInt>,
        attempts -> BigInt,
        created_at_ms -> BigInt,
        attempted_at_ms -> Nullable<BigInt>,
        delivered_at_ms -> Nullable<BigInt>,
        status_code -> Nullable<BigInt>,
        duration_ms -> Nullable<BigInt>,
        answer -> Nullable<Text>,
        error -> Nullable<Text>,
        consumer -> Binary,
    }
}

diesel::table! {
    failures (delivery_id, at_ms) {
        delivery_id -> Binary,
        at_ms -> BigInt,
        duration_ms -> BigInt,
        status_code -> Nullable<BigInt>,
        answer -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    cursors (name) {
        name -> Text,
        at_ms -> BigInt,
        id -> Binary,
    }
}

diesel::table! {
    webhook_formats (manager_id) {
        manager_id -> Binary,
        format -> Text,
    }
}

diesel::joinable!(wallets -> users (user_id));
diesel::joinable!(wallets -> accounts (id));
diesel::joinable!(wallet_keys -> wallets (wallet_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(cards -> accounts (wallet_id));
diesel::joinable!(hits -> cards (card_id));
diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    users,
    sessions,
    wallets,
    wallet_keys,
    invoices,
    transfers,
    subscriptions,
    pay_links,
    cards,
    hits,
    withdraw_links,
    withdrawals,
    holds,
    sends,
    hold_moves
);
