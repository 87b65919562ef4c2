"""What a picture's texts do to each other: measured with the renderer that draws them."""

from __future__ import annotations

from matplotlib.text import Text
from matplotlib.transforms import Bbox

from fleetbench.report.pictures import Picture

SLACK_PX = 1.0


def drawn_texts(picture: Picture) -> list[tuple[str, Bbox]]:
    """Every text that is really drawn, with its box in pixels."""
    picture.canvas.draw()  # the first draw settles the layout
    drawn: list[Text] = []
    original = Text.draw

    def recording(self: Text, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text().strip():
            drawn.append(self)
        return original(self, renderer, *args, **kwargs)

    Text.draw = recording
    try:
        picture.canvas.draw()
    finally:
        Text.draw = original
    renderer = picture.canvas.get_renderer()
    return [(text.get_text(), text.get_window_extent(renderer)) for text in dict.fromkeys(drawn)]


def cut(picture: Picture) -> list[str]:
    """Texts that reach beyond the edge of the picture."""
    page = picture.bbox
    return [
        text
        for text, box in drawn_texts(picture)
        if box.x0 < page.x0 - SLACK_PX
        or box.y0 < page.y0 - SLACK_PX
        or box.x1 > page.x1 + SLACK_PX
        or box.y1 > page.y1 + SLACK_PX
    ]


def overlapping(picture: Picture) -> list[tuple[str, str]]:
    """Pairs of texts that lie over each other."""
    texts = sorted(drawn_texts(picture), key=lambda item: item[1].y0)
    found = []
    for n, (one, a) in enumerate(texts):
        for other, b in texts[n + 1 :]:
            if b.y0 >= a.y1 - SLACK_PX:
                break
            if min(a.x1, b.x1) - max(a.x0, b.x0) > SLACK_PX:
                found.append((one, other))
    return found
