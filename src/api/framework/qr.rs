//! Pictures of texts for cameras.

use qrcode::QrCode;
use qrcode::render::svg;

/// The QR code of a text, as SVG; `None` where the text is longer than one holds.
pub fn svg(text: &[u8]) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    Some(code.render().min_dimensions(240, 240).dark_color(svg::Color("#000")).build())
}
