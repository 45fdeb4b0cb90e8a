-- Says how each stream between servers was authenticated, once Prosody has
-- decided that it was: its own log names EXTERNAL and leaves dialback out.

module:hook("s2s-authenticated", function (event)
	module:log("info", "%s %s by %s", event.session.direction, event.host, event.mechanism);
end, 0);
