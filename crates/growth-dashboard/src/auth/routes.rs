//! Signing in and out.

use std::sync::Arc;

use axum::extract::{Extension, Form, FromRequest as _, Query, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use growth_http::{Peer, Unread};

use super::{Denied, sessions, site};
use crate::answer::Refusal;
use crate::api::Given;
use crate::asked::Asked;
use crate::routes::{METRICS, SIGN_IN};
use crate::{Parts, pages};

/// The parameter of the printed link.
pub(crate) const CODE: &str = "code";
/// The field of the form.
const TOKEN: &str = "token";

/// What a browser forgets, as it is told by an answer.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

type Asker = Option<Extension<Peer>>;

/// Refuses what pages of other sites make a browser send. Reading changes nothing, and no other site can read it.
pub(crate) async fn same_site_only(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || !site::is_other(request.headers()) {
        return next.run(request).await;
    }
    if request.uri().path().starts_with("/api/") {
        return Refusal::from(Denied::CrossSite).into_response();
    }
    refused(&Denied::CrossSite, &Asked::default())
}

/// The page to sign in; whoever comes with the printed link is signed in at once.
pub(crate) async fn page(
    State(parts): State<Arc<Parts>>,
    method: Method,
    peer: Asker,
    headers: HeaderMap,
    Query(given): Given,
) -> Response {
    let code = given.iter().find(|(name, _)| name == CODE).map(|(_, code)| code.clone());
    let wanted = Asked::or_default(given);
    // Whoever only asks what a link leads to has not followed it, nor has a page that shows it as a picture, nor a
    // browser that looks ahead.
    let is_followed = method == Method::GET && site::is_navigation(&headers);
    if let Some(code) = code.filter(|_| is_followed) {
        let address = parts.auth.address(&headers, peer.map(|Extension(peer)| peer));
        return match parts.auth.use_link(&code, &headers, address).await {
            Ok(cookie) => signed_in(&wanted, cookie),
            Err(Denied::Wrong) => {
                let sentence = "This link is not valid: it was used, it is older than ten minutes, or there is a newer one.";
                (StatusCode::UNAUTHORIZED, Html(pages::sign_in(&wanted, Some(sentence)))).into_response()
            }
            Err(denied) => refused(&denied, &wanted),
        };
    }
    match parts.auth.session(&headers).await {
        Ok(_) => see_other(&wanted.at(METRICS)),
        Err(_) => Html(pages::sign_in(&wanted, None)).into_response(),
    }
}

/// Signs in whoever has a token.
pub(crate) async fn sign_in(
    State(parts): State<Arc<Parts>>,
    peer: Asker,
    Query(given): Given,
    request: Request,
) -> Response {
    let wanted = Asked::or_default(given);
    let (head, body) = request.into_parts();
    let held = match parts.auth.bodies.read(body).await {
        Ok(held) => held,
        Err(unread) => return not_read(unread, &wanted),
    };
    let form = Request::post(SIGN_IN)
        .header(CONTENT_TYPE, head.headers.get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static("")))
        .body(held.bytes.into());
    let form = match form {
        Ok(form) => Form::<Vec<(String, String)>>::from_request(form, &()).await.ok(),
        Err(_) => None,
    };
    let token = form.and_then(|Form(fields)| {
        let mut tokens = fields.into_iter().filter(|(name, _)| name == TOKEN).map(|(_, token)| token);
        Some((tokens.next()?, tokens.next())).and_then(|(token, second)| second.is_none().then_some(token))
    });
    let Some(token) = token else {
        let sentence = "This was no form of the page to sign in: it has one field, the token.";
        return (StatusCode::BAD_REQUEST, Html(pages::sign_in(&wanted, Some(sentence)))).into_response();
    };
    let token = token.trim();
    if token.is_empty() {
        let sentence = "Fill in a token.";
        return (StatusCode::BAD_REQUEST, Html(pages::sign_in(&wanted, Some(sentence)))).into_response();
    }
    let address = parts.auth.address(&head.headers, peer.map(|Extension(peer)| peer));
    match parts.auth.sign_in(token, &head.headers, address).await {
        Ok(cookie) => signed_in(&wanted, cookie),
        Err(denied) => refused(&denied, &wanted),
    }
}

/// Signs out.
pub(crate) async fn sign_out(State(parts): State<Arc<Parts>>, peer: Asker, headers: HeaderMap) -> Response {
    let address = parts.auth.address(&headers, peer.map(|Extension(peer)| peer));
    if let Err(denied) = parts.auth.sign_out(&headers, address).await {
        return (denied.status(), Html(pages::not_signed_out())).into_response();
    }
    let mut response = see_other(SIGN_IN);
    // Else whoever goes back might see the figures that the browser still has.
    response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
    if let Some(cookie) = sessions::forgotten(&headers) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn signed_in(wanted: &Asked, cookie: HeaderValue) -> Response {
    let mut response = see_other(&wanted.at(METRICS));
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// The page to sign in, with why somebody was not.
pub(crate) fn refused(denied: &Denied, wanted: &Asked) -> Response {
    let page = Html(pages::sign_in(wanted, Some(&capitalised(&denied.to_string()))));
    let mut response = (denied.status(), page).into_response();
    if let Denied::TooMany { seconds } = denied {
        response.headers_mut().insert(RETRY_AFTER, (*seconds).into());
    }
    response
}

fn not_read(unread: Unread, wanted: &Asked) -> Response {
    let (status, sentence) = match unread {
        Unread::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "No token is as long as this."),
        Unread::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The form took too long to arrive. Try again."),
        Unread::CutOff => (StatusCode::BAD_REQUEST, "The form did not arrive as a whole. Try again."),
        Unread::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Too many sign in at the moment. Try again."),
    };
    (status, Html(pages::sign_in(wanted, Some(sentence)))).into_response()
}

/// An error as a sentence.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}
