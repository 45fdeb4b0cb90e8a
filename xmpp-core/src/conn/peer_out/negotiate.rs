//! Until the stream is open: TLS and SASL EXTERNAL (RFC 3920 sections 5 and 6, XEP-0178 section 3).

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::{External, Link, State, refuse};
use crate::conn::action::{AuthenticationFault, Close, CloseReason, Event, Method, TlsFault};
use crate::conn::core::Core;
use crate::conn::peer_config::PeerOutboundConfig;
use crate::conn::proof::DomainPairs;
use crate::dialback::DialbackPolicy;
use crate::sasl::{Mechanism, SaslCondition, framing};
use crate::stream::{Condition, Features, FirstLevel, StreamHeader};
use crate::tls::{Service, TlsInfo, TlsPolicy, TlsRequest};
use crate::xml::{Element, ns};

impl Link {
    pub(super) const fn new(config: PeerOutboundConfig) -> Self {
        Link {
            config,
            tls: None,
            external: External::Untried,
            stream_id: String::new(),
            errors: false,
            pairs: DomainPairs::new(),
            open: Vec::new(),
        }
    }

    pub(super) fn header(&self) -> StreamHeader {
        StreamHeader::new(ns::SERVER)
            .with_dialback()
            .with_to(self.config.remote.as_str())
            .with_from(self.config.local.as_str())
    }

    /// Opens a new stream on the same transport.
    fn reopen(self: Box<Self>, core: &mut Core) -> State {
        core.set_header(self.header());
        core.open();
        State::AwaitHeader(self)
    }

    /// Whether dialback may prove us to the server of that domain.
    pub(super) fn may_dialback(&self, remote: &str) -> bool {
        match self.config.dialback {
            DialbackPolicy::Never => false,
            DialbackPolicy::Certified => self.is_certified(remote),
            DialbackPolicy::Encrypted => self.tls.is_some(),
            DialbackPolicy::Always => true,
        }
    }

    /// Whether the peer's certificate proves that it is that domain's server.
    fn is_certified(&self, remote: &str) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.verify(remote, Service::Server).is_ok())
    }

    pub(super) fn on_header(
        mut self: Box<Self>,
        core: &mut Core,
        header: Result<StreamHeader, Condition>,
    ) -> State {
        let header = match header {
            Ok(header) => header,
            Err(condition) => return refuse(core, condition),
        };
        if !header.carries(ns::SERVER) {
            return refuse(core, Condition::InvalidNamespace);
        }
        // RFC 3920 section 4.4: every stream has one, and dialback depends on it.
        let Some(id) = header.id().filter(|id| !id.is_empty()) else {
            return refuse(core, Condition::InvalidId);
        };
        self.stream_id = id.to_owned();
        if header.version().is_some_and(|version| version.major >= 1) {
            return State::AwaitFeatures(self);
        }
        // A server of before 1.0 has no features: it knows dialback alone, and says so (RFC 3920 section 8.3 step 3).
        let secure = self.tls.is_some() || self.config.tls != TlsPolicy::Required;
        let able = header.dialback() && self.external != External::Succeeded;
        if secure && able && self.may_open() {
            return self.establish(core);
        }
        refuse(core, Condition::UnsupportedVersion)
    }

    pub(super) fn on_features(mut self: Box<Self>, core: &mut Core, element: &Element) -> State {
        let features = Features::parse(element.as_ref());
        if self.tls.is_none() && self.config.tls != TlsPolicy::Disabled {
            // RFC 7590 section 3.1: somebody may have taken the offer out, so whoever needs TLS asks for it all the same.
            if features.starttls().is_some() || self.config.tls == TlsPolicy::Required {
                core.element(Element::builder(ns::TLS, "starttls").build());
                return State::AwaitProceed(self);
            }
        }
        self.errors = features
            .other(ns::DIALBACK_FEATURE, "dialback")
            .is_some_and(|dialback| dialback.child(ns::DIALBACK_FEATURE, "errors").is_some());
        // Only to a server that has proved itself: what follows is for its ears.
        let external = self.external == External::Untried
            && !self.config.verification_only
            && self.is_certified(self.config.remote.as_str())
            && features.mechanisms().iter().any(|name| name == Mechanism::External.name());
        if external {
            // XEP-0178 section 3 step 10 makes the identity unnecessary, but older servers want it.
            let text = framing::encode(Some(self.config.local.as_str().as_bytes()));
            core.element(
                Element::builder(ns::SASL, "auth")
                    .attr("mechanism", Mechanism::External.name())
                    .text(&text)
                    .build(),
            );
            return State::AwaitSasl(self);
        }
        self.open(core)
    }

    pub(super) fn on_proceed(self: Box<Self>, core: &mut Core, kind: FirstLevel) -> State {
        if kind != FirstLevel::Proceed {
            core.finish(CloseReason::Tls(TlsFault::Refused), Close::Graceful);
            return State::Over;
        }
        if core.input_left() {
            // Whoever put bytes behind `<proceed/>` hopes that we take them for what came through TLS.
            core.end(CloseReason::Tls(TlsFault::Injection), Close::Abort);
            return State::Over;
        }
        core.start_tls(TlsRequest::initiating(self.config.remote.as_jid(), Service::Server));
        State::TlsPending(self)
    }

    pub(super) fn on_tls(mut self: Box<Self>, core: &mut Core, info: TlsInfo) -> State {
        let strict = matches!(self.config.dialback, DialbackPolicy::Never | DialbackPolicy::Certified);
        if let Err(error) = info.verify(self.config.remote.domain(), Service::Server)
            && strict
        {
            core.end(CloseReason::Tls(TlsFault::Failed(error)), Close::Graceful);
            return State::Over;
        }
        self.tls = Some(info);
        self.reopen(core)
    }

    pub(super) fn on_sasl(
        mut self: Box<Self>,
        core: &mut Core,
        kind: FirstLevel,
        element: &Element,
    ) -> State {
        match kind {
            FirstLevel::Challenge => {
                // The peer did not look at what came with `<auth/>`: here it is again.
                let text = framing::encode_exchange(self.config.local.as_str().as_bytes());
                core.element(Element::builder(ns::SASL, "response").text(&text).build());
                State::AwaitSasl(self)
            }
            FirstLevel::Success => {
                self.external = External::Succeeded;
                core.restart();
                self.reopen(core)
            }
            _ => {
                let mut causes =
                    element.children().filter(|cause| cause.ns() == ns::SASL && cause.name() != "text");
                let condition = causes.next().map(|cause| SaslCondition::from_name(cause.name()));
                self.external = External::Refused(condition.unwrap_or(SaslCondition::NotAuthorized));
                self.open(core)
            }
        }
    }

    /// Whether there is anything to open the stream for.
    fn may_open(&self) -> bool {
        self.external == External::Succeeded
            || self.config.verification_only
            || self.may_dialback(self.config.remote.as_str())
    }

    fn open(self: Box<Self>, core: &mut Core) -> State {
        if self.may_open() {
            return self.establish(core);
        }
        let reason = match self.external {
            External::Refused(condition) => {
                CloseReason::Authentication(AuthenticationFault::Refused(condition))
            }
            External::Untried | External::Succeeded => CloseReason::NoMethod,
        };
        core.finish(reason, Close::Graceful);
        State::Over
    }

    /// The stream is negotiated. What remains is dialback, each with a deadline of its own.
    fn establish(mut self: Box<Self>, core: &mut Core) -> State {
        core.online();
        let (local, remote) = (self.config.local.clone(), self.config.remote.clone());
        if self.external == External::Succeeded {
            self.pairs.insert(local.clone(), remote.clone());
            core.event(Event::Authorized { local, remote, method: Method::External });
        } else if !self.config.verification_only {
            self.ask_first(core, local, remote);
        }
        self.flush(core);
        State::Open(self)
    }
}
