//! SASL elements as literals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub const NS: &str = "urn:ietf:params:xml:ns:xmpp-sasl";

pub fn auth(mechanism: &str, text: &str) -> String {
    format!("<auth xmlns='{NS}' mechanism='{mechanism}'>{text}</auth>")
}

pub fn plain(authzid: &str, authcid: &str, password: &str) -> String {
    auth("PLAIN", &STANDARD.encode([authzid, authcid, password].join("\0")))
}

pub fn response(message: impl AsRef<[u8]>) -> String {
    format!("<response xmlns='{NS}'>{}</response>", STANDARD.encode(message))
}

pub fn challenge(message: impl AsRef<[u8]>) -> String {
    format!("<challenge xmlns='{NS}'>{}</challenge>", STANDARD.encode(message))
}

pub fn success(message: impl AsRef<[u8]>) -> String {
    format!("<success xmlns='{NS}'>{}</success>", STANDARD.encode(message))
}

pub fn failure(condition: &str) -> String {
    format!("<failure xmlns='{NS}'><{condition}/></failure>")
}

/// The message inside the last element of that name in a transcript.
pub fn payload(text: &str, element: &str) -> String {
    let text = text.rsplit(&format!("<{element} ")).next().unwrap();
    let text = text.split_once('>').unwrap().1.split('<').next().unwrap();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}
