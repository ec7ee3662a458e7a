//! The web page, embedded: every file of `ui/dist` as bytes, plain and compressed.
//!
//! Invariants: `dist/` is built from `web/` and committed, so a machine with Rust alone builds the whole
//! product; [`index`] always exists (the build stops without it); nothing here knows of HTTP beyond the
//! header values that go with a file. The page needs no inline script or style, so it works under
//! [`CONTENT_SECURITY_POLICY`]. Its pages are paths of one segment (`/logs`, `/graph`, …) and its files
//! are named relative to them: the caller answers an unknown path of one segment with [`index`].

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What the page needs and no more. `data:` images are the marks that the query editor draws.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// One file of the page with the header values to send it with.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// The file as built.
    pub bytes: &'static [u8],
    /// The same in gzip form, where that is clearly smaller.
    pub gzip: Option<&'static [u8]>,
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// For `ETag`, quotes included; changes when the bytes change.
    pub etag: &'static str,
    /// The name holds a hash of the content: send `Cache-Control: public, max-age=31536000, immutable`.
    /// Otherwise send `no-cache`.
    pub immutable: bool,
}

/// The file at a path relative to the page's root, with or without the leading slash: `assets/index-x.js`.
pub fn asset(path: &str) -> Option<Asset> {
    let name = path.strip_prefix('/').unwrap_or(path);
    ASSETS.binary_search_by(|(key, _)| (*key).cmp(name)).ok().map(|index| ASSETS[index].1)
}

/// The page itself: the answer to `/` and to each of its own paths.
pub fn index() -> Asset {
    asset("index.html").expect("the build stops when index.html is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, want: Option<(&str, bool)>) {
        let got = asset(path).map(|asset| (asset.content_type, asset.immutable));
        assert_eq!(got, want, "asset {path:?}");
    }

    #[test]
    fn files_are_found_by_exact_path() {
        check("index.html", Some(("text/html; charset=utf-8", false)));
        check("/index.html", Some(("text/html; charset=utf-8", false)));
        check("icon.svg", Some(("image/svg+xml", false)));
        check("", None);
        check("//index.html", None);
        check("../Cargo.toml", None);
        check("assets", None);
    }

    #[test]
    fn what_the_page_names_is_embedded() {
        let html = std::str::from_utf8(index().bytes).unwrap();
        let named: Vec<&str> = html.split("=\"./").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(named.iter().any(|name| name.starts_with("assets/index-")), "no script in {html}");
        for name in named {
            let found = asset(name).unwrap_or_else(|| panic!("{name} is not embedded"));
            assert_eq!(found.immutable, name.starts_with("assets/"), "{name}");
        }
    }

    #[test]
    fn the_page_keeps_its_security_policy() {
        let html = std::str::from_utf8(index().bytes).unwrap();
        assert!(!html.contains("<style") && !html.contains(" style="), "inline style in {html}");
        assert_eq!(html.matches("<script").count(), html.matches("<script type=\"module\" crossorigin src=").count());
    }

    #[test]
    fn names_are_sorted_and_tags_quoted() {
        assert!(ASSETS.is_sorted_by(|a, b| a.0 < b.0));
        for (name, asset) in ASSETS {
            assert!(asset.etag.starts_with('"') && asset.etag.ends_with('"') && asset.etag.len() == 18, "{name}");
            assert!(
                asset.gzip.is_none_or(|gzip| gzip.starts_with(&[0x1f, 0x8b]) && gzip.len() < asset.bytes.len()),
                "{name}"
            );
        }
    }
}
