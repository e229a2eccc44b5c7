//! QR codes, as pictures for screens and for print.

use std::borrow::Cow;

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use qrcode::render::svg;
use qrcode::{Color, QrCode};
use utoipa::openapi::Object;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::api::framework::leniency;
use crate::api::framework::params::Params;
use crate::api::framework::query::{Deferred, FromValue, query};

/// Pixels of one module of a PNG: enough that paper shows sharp edges.
const MODULE_PIXELS: usize = 16;
/// Modules that are left white around a code (ISO 18004).
const QUIET_MODULES: usize = 4;

/// What a picture is drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picture {
    Svg,
    Png,
}

impl Picture {
    const ALL: [Self; 2] = [Self::Svg, Self::Png];

    const fn name(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }

    fn draw(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Svg => svg(text).map(String::into_bytes),
            Self::Png => png(text),
        }
    }
}

/// The SVG of a text; `None` where the text is longer than a code holds.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    Some(code.render().min_dimensions(240, 240).dark_color(svg::Color("#000")).build())
}

/// The PNG of a text, in black and white; `None` where the text is longer than a code holds.
fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    let modules = code.width();
    let side = modules.checked_add(QUIET_MODULES.checked_mul(2)?)?.checked_mul(MODULE_PIXELS)?;
    let is_dark = |x: usize, y: usize| {
        let module = |pixel: usize| pixel.checked_div(MODULE_PIXELS)?.checked_sub(QUIET_MODULES);
        let is_inside = |module: &usize| *module < modules;
        let place = module(x).filter(is_inside).zip(module(y).filter(is_inside));
        place.is_some_and(|place| code[place] == Color::Dark)
    };
    // One bit a pixel, each row in whole bytes; white is 1.
    let row = |y: usize| {
        (0..side.div_ceil(8)).map(move |byte| {
            (0..8)
                .fold(0_u8, |bits, bit| (bits << 1) | u8::from(!is_dark(byte.saturating_mul(8).saturating_add(bit), y)))
        })
    };
    let pixels: Vec<u8> = (0..side).flat_map(row).collect();
    let mut picture = Vec::new();
    let side = u32::try_from(side).ok()?;
    let mut encoder = png::Encoder::new(&mut picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(picture)
}

async fn answer(app: &State, client: ClientAddress, text: String, kind: Picture) -> Result<HttpResponse, ApiError> {
    let picture = app.draw(client, move || kind.draw(&text)).await?;
    let picture = picture.ok_or_else(|| ApiError::field("data", "is longer than a QR code holds (2331 bytes)"))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind.content_type()))
        // The same text has the same picture, but only whoever asked may keep it.
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .body(picture))
}

/// QR code
///
/// An SVG picture of the text, most often an invoice.
#[utoipa::path(
    tag = "System",
    params(("data" = String, Path, description = "The text", example = "lnbc10u1p5")),
    responses((status = 200, description = "The picture", content_type = "image/svg+xml", body = String))
)]
#[get("/api/v1/qrcode/{data}")]
pub(crate) async fn qr_code(
    client: ClientAddress,
    app: State,
    data: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    answer(&app, client, data.into_inner(), Picture::Svg).await
}

query! {
    /// What is drawn, and as what.
    pub(crate) struct QrParams {
        /// The text: at most 2,331 bytes, or more of capitals and digits alone.
        #[param(value_type = String, example = "lnbc10u1p5")]
        data: Option<String>,
        /// `svg` or `png`, which is in black and white and sharp on paper; `svg` where nothing is said.
        #[param(schema_with = kinds)]
        format: Deferred<Option<Picture>>,
    }
}

impl FromValue for Picture {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or("must be svg or png".into())
    }
}

fn kinds() -> Object {
    leniency::words(Picture::ALL.map(Picture::name)).build()
}

/// QR code of a parameter
///
/// A picture of the text, for screens or for print.
#[utoipa::path(
    tag = "System",
    params(QrParams),
    responses((status = 200, description = "The picture", content(
        (String = "image/svg+xml"), (Vec<u8> = "image/png")
    )))
)]
#[get("/api/v1/qrcode")]
pub(crate) async fn qr_code_of_query(
    client: ClientAddress,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let QrParams { data, format } = params.read()?;
    let text = data.ok_or_else(|| ApiError::field("data", "is missing: the text"))?;
    answer(&app, client, text, format?.unwrap_or(Picture::Svg)).await
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_what_they_say() {
        let text = "LIGHTNING:LNURL1DP68GURN8GHJ7";
        assert!(svg(text).unwrap().starts_with("<?xml"));
        let png = png(text).unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(&png));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let modules = QrCode::new(text).unwrap().width();
        assert_eq!(usize::try_from(info.width).unwrap(), (modules + 2 * QUIET_MODULES) * MODULE_PIXELS);
        assert_eq!(info.width, info.height);
        // The corner is white, and the first module of a finder dark.
        let bit = |x: usize, y: usize| pixels[y * info.line_size + x / 8] >> (7 - x % 8) & 1;
        let first = QUIET_MODULES * MODULE_PIXELS;
        assert_eq!((bit(0, 0), bit(first - 1, first), bit(first, first), bit(first + 1, first + 1)), (1, 1, 0, 0));
        assert_eq!(Picture::Png.draw(&"x".repeat(5000)), None);
    }
}
