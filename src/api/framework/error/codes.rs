//! The table of codes: one row for every refusal that a caller can meet, with its status and text.

use actix_web::http::StatusCode;

/// Defines the codes with their status, whether the same request may succeed later, and
/// their text.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $retryable:literal, $text:literal;)*) => {
        /// What went wrong, in a word that never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that it comes with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// True where the same request may succeed a little later.
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }

            /// What is said where there is nothing more exact to say.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// A parameter is missing or wrong; `errors` says which.
    InvalidRequest = "invalid_request", BAD_REQUEST, false, "Invalid request";
    /// The body is not JSON.
    InvalidJson = "invalid_json", BAD_REQUEST, false, "The body is not valid JSON";
    /// The text is not a BOLT11 invoice.
    InvalidInvoice = "invalid_invoice", BAD_REQUEST, false, "Not a valid BOLT11 invoice";
    /// The payer has less than the amount.
    InsufficientBalance = "insufficient_balance", BAD_REQUEST, false, "Insufficient balance";
    /// The invoice was paid before.
    InvoiceAlreadyPaid = "invoice_already_paid", BAD_REQUEST, false, "Invoice already paid";
    /// A payment of the invoice to another node is under way.
    PaymentUnderWay = "payment_under_way", BAD_REQUEST, false, "Payment of this invoice is pending already";
    /// As much is under way to other nodes as may be at once, of the wallet or of its tenant.
    TooMuchUnderWay = "too_much_under_way", BAD_REQUEST, false, "Too many payments to other nodes are pending";
    /// The invoice's time is over.
    InvoiceExpired = "invoice_expired", BAD_REQUEST, false, "Invoice expired";
    /// The invoice's wallet was deleted.
    InvoiceCancelled = "invoice_cancelled", BAD_REQUEST, false, "Invoice cancelled";
    /// The invoice is of another node, and there is no Lightning backend to pay it.
    InvoiceNotPayable = "invoice_not_payable", BAD_REQUEST, false, "Invoice is not payable here";
    /// The text is not the one that was issued.
    InvoiceMismatch = "invoice_mismatch", BAD_REQUEST, false, "Invoice does not match the one issued";
    /// The invoice leaves the amount to the payer.
    AmountlessInvoice = "amountless_invoice", BAD_REQUEST, false, "Amountless invoices are not supported";
    /// There is no Lightning node behind this server.
    NoLightningNode = "no_lightning_node", BAD_REQUEST, false, "There is no Lightning node behind this server";
    /// Amounts are in sat, or in a currency whose rate is configured.
    UnsupportedUnit = "unsupported_unit", BAD_REQUEST, false, "The provided unit is not supported";
    /// Another payment of the wallet has the external id, and `payment_hash` says which; or another
    /// user of the tenant has it.
    ExternalIdExists = "external_id_exists", CONFLICT, false, "Another payment of the wallet has this external_id";
    /// What a bitcoin costs in other currencies is not known here at all.
    RatesDisabled = "rates_disabled", BAD_REQUEST, false,
        "Other currencies are not enabled on this server; amounts are in sat";
    /// A pay link does not take this payment: the text says why.
    LinkRefused = "link_refused", BAD_REQUEST, false, "The pay link does not take this payment";
    /// The service of an LNURL or address of another server gives nothing that can be paid: the text says
    /// why.
    LnurlFailed = "lnurl_failed", BAD_REQUEST, false, "The service of this LNURL or address gives nothing that can be paid";
    /// As many invoices of a pay link as may wait to be paid do so.
    TooManyOpenInvoices = "too_many_open_invoices", BAD_REQUEST, false,
        "Too many invoices of this link wait to be paid; try again later";
    /// Nobody has said by which host the outside reaches this server.
    NoPublicUrl = "no_public_url", BAD_REQUEST, false,
        "Links need a host: the operator must set --public-url, or name the host of this request in --allowed-hosts";
    /// A card does not pay this: the text says why.
    CardRefused = "card_refused", BAD_REQUEST, false, "The card does not pay this";
    /// A withdraw link does not pay this: the text says why.
    WithdrawRefused = "withdraw_refused", BAD_REQUEST, false, "The withdraw link does not pay this";
    /// More is to be captured than a hold still holds.
    CaptureTooLarge = "capture_too_large", BAD_REQUEST, false, "The hold does not hold that much";
    /// A hold was captured as often as it can be, or the holds to settle were together.
    TooManyCaptures = "too_many_captures", BAD_REQUEST, false,
        "A hold can be captured at most 1000 times, and the holds of one settlement at most 20000 times together";
    /// A group has more open holds than can be settled as a whole.
    GroupTooLarge = "group_too_large", BAD_REQUEST, false,
        "The group has more than 1000 open holds: settle some of them by their ids first";
    /// The hold is for a hold invoice, which its payee settles or cancels.
    HoldOfInvoice = "hold_of_invoice", BAD_REQUEST, false,
        "The hold is for a hold invoice, which its payee settles or cancels";
    /// Another invoice has the payment hash.
    PaymentHashTaken = "payment_hash_taken", BAD_REQUEST, false,
        "Another invoice has this payment_hash: every hold invoice needs a new preimage";
    /// The invoice was issued with a preimage of this server's.
    NotAHoldInvoice = "not_a_hold_invoice", BAD_REQUEST, false,
        "Not a hold invoice: it is settled by paying it, and cannot be cancelled";
    /// The invoice is a hold invoice, which a card cannot pay.
    IsAHoldInvoice = "is_a_hold_invoice", BAD_REQUEST, false, "A hold invoice cannot be paid in this way";
    /// Nobody has paid the hold invoice yet.
    InvoiceNotHeld = "invoice_not_held", BAD_REQUEST, false, "Nobody has paid the invoice yet";
    /// The hold was captured or voided before.
    HoldClosed = "hold_closed", CONFLICT, false, "The hold is closed already";
    /// The time of the hold is over.
    HoldExpired = "hold_expired", CONFLICT, false, "The hold has expired";
    /// Money of a wallet to delete is on hold.
    WalletHasHolds = "wallet_has_holds", CONFLICT, false,
        "Money of the wallet is on hold: capture or void it first";
    /// There is no such hold, or it is of another tenant.
    HoldNotFound = "hold_not_found", NOT_FOUND, false, "Hold does not exist";
    /// The receiving wallet is frozen for everything.
    ReceiverFrozen = "receiver_frozen", BAD_REQUEST, false, "The receiving wallet is frozen";
    /// Money was to leave a frozen wallet, or it was to be deleted.
    WalletFrozen = "wallet_frozen", BAD_REQUEST, false, "The wallet is frozen; it must be thawed first";
    /// The amount is over what the wallet may spend with one payment.
    PaymentLimit = "payment_limit", BAD_REQUEST, false, "The amount is over the wallet's limit for one payment";
    /// The amount is over what the wallet may still spend today.
    DayLimit = "day_limit", BAD_REQUEST, false, "The amount is over what the wallet may still spend today (UTC)";
    /// The receiving wallet would hold more than there are bitcoin, or more than that would be issued.
    BalanceLimit = "balance_limit", BAD_REQUEST, false,
        "The receiving wallet cannot hold that much: there are no more than 21000000 bitcoin";
    /// Nobody may open an account without an operator.
    SignupDisabled = "signup_disabled", BAD_REQUEST, false, "Account creation is disabled.";
    /// There is no key.
    NoKey = "no_api_key", UNAUTHORIZED, false, "No Api Key provided";
    /// The key is unknown or revoked.
    BadAuth = "bad_auth", UNAUTHORIZED, false, "Bad auth";
    /// There is no token of a session.
    NoToken = "no_token", UNAUTHORIZED, false, "No access token provided";
    /// There is nobody of this name with this password.
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, false, "Invalid credentials";
    /// The password is not the user's.
    WrongPassword = "wrong_password", UNAUTHORIZED, false, "Wrong password";
    /// The password was guessed too often.
    TooManyGuesses = "too_many_guesses", TOO_MANY_REQUESTS, true, "Too many wrong passwords; try again later";
    /// The key only reads and receives.
    AdminKeyRequired = "admin_key_required", FORBIDDEN, false, "Admin key required";
    /// The wallet has a limit for each day, which further wallets would multiply.
    WalletLimited = "wallet_limited", FORBIDDEN, false, "The wallet has a limit for each day, so that only its manager creates further ones";
    /// The wallet of the key is frozen for everything.
    KeyFrozen = "key_frozen", FORBIDDEN, false, "The wallet of this key is frozen";
    /// The session is not an operator's.
    OperatorRequired = "operator_required", FORBIDDEN, false, "Operator required";
    /// The session is not a manager's.
    ManagerRequired = "manager_required", FORBIDDEN, false, "Manager required";
    /// The token is not of a login.
    LoginRequired = "login_required", FORBIDDEN, false, "This takes a login with a password";
    /// The token is not for that.
    ScopeRequired = "scope_required", FORBIDDEN, false, "The token lacks the scope that this takes";
    /// The key's user is neither a manager, nor one whom its manager lets create users.
    NotAManager = "not_a_manager", FORBIDDEN, false,
        "Only managers may do this; a user's manager can allow it with may_create_users";
    /// `admin_id` names somebody else.
    NotTheCaller = "not_the_caller", FORBIDDEN, false, "admin_id must be the user of the calling key";
    /// There is no such payment, or it is not the caller's.
    PaymentNotFound = "payment_not_found", NOT_FOUND, false, "Payment does not exist.";
    /// There is no such user in the caller's tenant.
    UserNotFound = "user_not_found", NOT_FOUND, false, "User does not exist";
    /// There is no such wallet in the caller's tenant.
    WalletNotFound = "wallet_not_found", NOT_FOUND, false, "Wallet does not exist";
    /// There is no such endpoint of the caller's.
    WebhookNotFound = "webhook_not_found", NOT_FOUND, false, "Webhook does not exist";
    /// There is no such delivery to the caller's targets.
    DeliveryNotFound = "delivery_not_found", NOT_FOUND, false, "Delivery does not exist";
    /// There is no such pay link, or it is not the caller's.
    PayLinkNotFound = "pay_link_not_found", NOT_FOUND, false, "Pay link does not exist.";
    /// Nobody has this Lightning address.
    AddressNotFound = "address_not_found", NOT_FOUND, false, "Lightning address not found.";
    /// There is no such withdraw link, or it is not the caller's.
    WithdrawLinkNotFound = "withdraw_link_not_found", NOT_FOUND, false, "Withdraw link does not exist.";
    /// There is no such card of the caller's wallet.
    CardNotFound = "card_not_found", NOT_FOUND, false, "Card does not exist.";
    /// No card is to be programmed with this code.
    CardCodeUnknown = "card_code_unknown", NOT_FOUND, false,
        "No card is to be programmed with this code: it was used, is older than an hour, or is another card's";
    /// There is no such token of the caller's.
    TokenNotFound = "token_not_found", NOT_FOUND, false, "Token does not exist";
    /// There is nothing at this path.
    PathNotFound = "not_found", NOT_FOUND, false, "Not found";
    /// There is something at this path, but not by this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, false, "Method not allowed";
    /// The idempotency key was used for something else.
    IdempotencyConflict = "idempotency_conflict", CONFLICT, false,
        "The Idempotency-Key was used for another request; use a new one";
    /// Another card of the user has the unique id.
    CardExists = "card_exists", CONFLICT, false,
        "UID already registered. Delete registered card and try again.";
    /// The wallet has as many cards as one may have.
    TooManyCards = "too_many_cards", CONFLICT, false,
        "The wallet has as many cards as one may have (100); delete one first";
    /// Another user of the tenant has the email address.
    EmailTaken = "email_taken", CONFLICT, false, "A user with this email exists already";
    /// Another manager or operator has the user name.
    UsernameTaken = "username_taken", CONFLICT, false, "The user name is taken";
    /// A wallet to delete holds money.
    WalletHoldsMoney = "wallet_holds_money", CONFLICT, false,
        "A wallet still holds money; empty it first, or have it swept into the calling wallet (without ?sweep=false)";
    /// The manager cannot thaw what an operator has frozen.
    FrozenByOperator = "frozen_by_operator", CONFLICT, false, "An operator has frozen the wallet; only an operator can thaw it";
    /// The manager has as many endpoints as it may have.
    TooManyWebhooks = "too_many_webhooks", CONFLICT, false, "There are 20 webhooks already; delete one first";
    /// Another pay link has the name.
    AddressTaken = "address_taken", CONFLICT, false, "Username already taken.";
    /// The wallet has as many pay links as one may have.
    TooManyPayLinks = "too_many_pay_links", CONFLICT, false,
        "The wallet has 1000 pay links already; delete one first, or use another wallet";
    /// The wallet has as many withdraw links that are not spent as one may have.
    TooManyWithdrawLinks = "too_many_withdraw_links", CONFLICT, false,
        "The wallet has 10000 withdraw links that are not spent already; delete one first, or use another wallet";
    /// The manager has as many tokens as it may have.
    TooManyTokens = "too_many_tokens", CONFLICT, false, "There are 100 tokens already; revoke one first";
    /// The user has as many wallets as one may have.
    TooManyWallets = "too_many_wallets", CONFLICT, false,
        "The user has 1000 wallets already; delete one first, or create another user";
    /// The user, or one above it, is being deleted, so that nothing is created for it.
    UserBeingDeleted = "user_being_deleted", CONFLICT, true, "The user is being deleted";
    /// Something else has changed the user's wallets or users at the same moment.
    WalletsChanged = "wallets_changed", CONFLICT, true, "The user's wallets or users have just changed; try again";
    /// A manager to delete has users.
    UserHasUsers = "user_has_users", CONFLICT, false, "The user has users of its own; delete these first";
    /// What was sent is not HTTP as it must be.
    MalformedRequest = "malformed_request", BAD_REQUEST, false,
        "The request is not well-formed HTTP: its request line, headers and framing must be as RFC 9112 says";
    /// The head of the request did not come.
    HeadTooSlow = "head_too_slow", REQUEST_TIMEOUT, true, "The head of the request did not arrive in time; try again";
    /// The body did not come.
    BodyTooSlow = "body_too_slow", REQUEST_TIMEOUT, true, "The body did not arrive in time; try again";
    /// The body is too large.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, false, "The body is too large";
    /// The path and query are too long.
    UriTooLong = "uri_too_long", URI_TOO_LONG, false, "The path and query must be at most 16 KiB";
    /// The headers are too large.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, false,
        "The headers must be at most 32 KiB in all, and no more than 96";
    /// The key or the client's address makes more requests than it may.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, true, "Too many requests; try again later";
    /// The wallet or the invoice has as many live streams as it may.
    TooManyStreams = "too_many_streams", TOO_MANY_REQUESTS, true, "Too many live streams; close others first";
    /// All wallets and invoices of the tenant together have as many live streams as they may.
    TooManyTenantStreams = "too_many_tenant_streams", TOO_MANY_REQUESTS, true,
        "The wallets of this manager and its users have too many live streams; close others first";
    /// Too much is waiting.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, true, "Too many requests are waiting; try again soon";
    /// Too much of the tenant's own is waiting.
    TenantOverloaded = "tenant_overloaded", SERVICE_UNAVAILABLE, true,
        "Too many requests of this manager and its users are waiting; send fewer at once";
    /// A query took too long.
    QueryTooLong = "query_too_long", SERVICE_UNAVAILABLE, true,
        "This took too long to read; ask for less: of a shorter time, without `search`, or with a smaller `limit` and `offset`";
    /// The server is going down.
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE, true, "The server is shutting down; try again soon";
    /// The database is away.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, true, "The database is not available; try again soon";
    /// The Lightning node is away.
    NodeAway = "node_away", SERVICE_UNAVAILABLE, true, "The Lightning node does not answer; try again soon";
    /// What a bitcoin costs in the currency is not known now.
    RateUnavailable = "rate_unavailable", SERVICE_UNAVAILABLE, true,
        "There is no current rate of this currency; try again soon, or say the amount in sat";
    /// Those who say what a bitcoin costs in the currency disagree.
    RateDivergent = "rate_divergent", SERVICE_UNAVAILABLE, true,
        "The sources of this currency's rate disagree; try again soon, or say the amount in sat";
    /// What became of the payment could not be found out.
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, false,
        "The outcome is not known yet; ask for the payment's status before trying again";
    /// A fault of ours.
    Internal = "internal_error", INTERNAL_SERVER_ERROR, false, "Internal error";
}
