//! GNU SASL's command, a SASL client and server that nobody here wrote, one
//! message at a time over pipes.
