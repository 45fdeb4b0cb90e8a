-- Prosody as a peer: one domain, loopback only, nothing outside one folder.
-- `serve` sets the PEER_* variables and runs it; without the ports for them it
-- serves no other servers and no components.

local federated = ENV_PEER_S2S_PORT ~= nil
local offline = ENV_PEER_OFFLINE ~= "kept" and "offline" or nil

run_as_root = true -- a container's test user; otherwise without effect
daemonize = false
pidfile = ENV_PEER_DIR .. "/prosody.pid"
data_path = ENV_PEER_DIR .. "/data"
certificates = ENV_PEER_DIR
plugin_paths = { ENV_PEER_MODULES }
log = { [ENV_PEER_LOG or "info"] = "*console" }

interfaces = { "127.0.0.1" }
use_ipv6 = false
c2s_ports = { tonumber(ENV_PEER_PORT) }
c2s_direct_tls_ports = {}
modules_disabled = federated and { offline } or { "s2s", "s2s_auth_certs", offline }
modules_enabled = {
	"roster"; "saslauth"; "tls"; "disco"; "ping"; "blocklist"; "tls_bindings";
	federated and "dialback" or nil;
	federated and "proofs" or nil;
}

c2s_require_encryption = true
c2s_stanza_size_limit = 256 * 1024
ssl = {
	certificate = ENV_PEER_DIR .. "/cert.pem";
	key = ENV_PEER_DIR .. "/key.pem";
	cafile = ENV_PEER_DIR .. "/ca.pem";
	protocol = ENV_PEER_TLS == "1.2" and "tlsv1_2" or "tlsv1_3";
}

s2s_ports = { tonumber(ENV_PEER_S2S_PORT) }
s2s_require_encryption = true
s2s_secure_auth = ENV_PEER_PROOF ~= "dialback"
-- The tests' own name server and nothing else. It signs nothing, and libunbound
-- neither forwards to the loopback interface nor does without signatures unasked.
unbound = {
	resolvconf = false;
	hoststxt = false;
	forward = ENV_PEER_DNS;
	options = { ["do-not-query-localhost:"] = "no", ["module-config:"] = "iterator" };
}

component_ports = { tonumber(ENV_PEER_COMPONENT_PORT) }
component_interfaces = { "127.0.0.1" }

storage = "internal"
authentication = "internal_hashed"
-- Accounts hold the keys of one hash, and only its mechanisms are offered.
password_hash = ENV_PEER_HASH
disable_sasl_mechanisms = { "PLAIN", "DIGEST-MD5" }

VirtualHost(ENV_PEER_DOMAIN)

if ENV_PEER_COMPONENT_PORT then
	local name, secret = ENV_PEER_COMPONENT:match("^([^:]*):(.*)$")
	Component(name .. "." .. ENV_PEER_DOMAIN)
	component_secret = secret
end
