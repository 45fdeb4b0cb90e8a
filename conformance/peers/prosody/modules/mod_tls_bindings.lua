-- Prosody 0.12 binds SCRAM to TLS by `tls-unique` alone, which TLS 1.3 has not.
-- When PEER_BINDINGS is `added`, this gives it `tls-exporter` (RFC 9266) and
-- `tls-server-end-point` (RFC 5929) as well: Prosody's own SCRAM, unchanged,
-- then checks a client's binding against bytes that OpenSSL computed.

local xmlns_sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
local digest = require "util.hashes".sha256;
local from_base64 = require "util.encodings".base64.decode;

if os.getenv("PEER_BINDINGS") ~= "added" then
	return;
end

local function exporter(socket)
	return function ()
		return socket:exportkeyingmaterial("EXPORTER-Channel-Binding", 32, "");
	end
end

-- RFC 5929 section 4.1: the hash of the certificate's own signature, SHA-256
-- at least; `serve` makes certificates signed with SHA-256.
local function end_point()
	local file = assert(io.open(os.getenv("PEER_DIR") .. "/cert.pem"));
	local pem = file:read("*a");
	file:close();
	local base64 = pem:match("%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-(.-)%-%-%-%-%-END");
	return digest(from_base64((base64:gsub("%s", ""))));
end

module:hook("stream-features", function (event)
	local origin, features = event.origin, event.features;
	local offered = features:get_child("mechanisms", xmlns_sasl);
	if not (origin.encrypted and origin.sasl_handler and offered) then
		return;
	end
	-- With TLS 1.2 it takes the extended master secret (RFC 9266 section 4.2),
	-- which every peer here negotiates.
	origin.sasl_handler:add_cb_handler("tls-exporter", exporter(origin.conn:socket()));
	origin.sasl_handler:add_cb_handler("tls-server-end-point", end_point);

	local names = {};
	for mechanism in offered:childtags("mechanism") do
		names[mechanism:get_text()] = true;
	end
	for name in pairs(names) do
		if name:match("^SCRAM%-SHA%-%d+$") and not names[name .. "-PLUS"] then
			offered:text_tag("mechanism", name .. "-PLUS");
		end
	end
end, -10);
