-- Prosody as a peer: one domain, loopback only, clients only, nothing outside
-- one folder. `serve` sets the PEER_* variables and runs it.

run_as_root = true -- a container's test user; otherwise without effect
daemonize = false
pidfile = ENV_PEER_DIR .. "/prosody.pid"
data_path = ENV_PEER_DIR .. "/data"
certificates = ENV_PEER_DIR
plugin_paths = { ENV_PEER_MODULES }
log = { [ENV_PEER_LOG or "info"] = "*console" }

interfaces = { "127.0.0.1" }
c2s_ports = { tonumber(ENV_PEER_PORT) }
c2s_direct_tls_ports = {}
modules_disabled = { "s2s", "s2s_auth_certs", "offline" }
modules_enabled = { "roster", "saslauth", "tls", "disco", "ping", "tls_bindings" }

c2s_require_encryption = true
c2s_stanza_size_limit = 256 * 1024
ssl = {
	certificate = ENV_PEER_DIR .. "/cert.pem";
	key = ENV_PEER_DIR .. "/key.pem";
	protocol = ENV_PEER_TLS == "1.2" and "tlsv1_2" or "tlsv1_3";
}

storage = "internal"
authentication = "internal_hashed"
-- Accounts hold the keys of one hash, and only its mechanisms are offered.
password_hash = ENV_PEER_HASH
disable_sasl_mechanisms = { "PLAIN", "DIGEST-MD5" }

VirtualHost "localhost"
