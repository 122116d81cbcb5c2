from __future__ import annotations

import re

from aecodec.evaluation.report import rd_figures, report_page

POINTS = [{"setting": q, "bpp": q / 50, "psnr": 25 + q / 10, "ms_ssim": 0.9} for q in (1, 50)]
RESULT = {"curves": {"aecodec": POINTS, "JPEG <script>": POINTS}, "kodak": True}


def test_a_page_needs_no_network_and_has_tables_and_plots() -> None:
    html = report_page("# Rate & <b>\n\n| a | b |\n| :-- | --: |\n| x | 1 |\n", rd_figures(RESULT))
    text = html.decode()
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert not re.search(r"(src|href)\s*=|@import|url\(", outside)
    assert not re.search(r"<script[^>]*\ssrc=", text)
    assert "<h1>Rate &amp; &lt;b&gt;</h1>" in text
    assert re.search(r"<td[^>]*>x</td>", outside)
    assert text.count("Plotly.newPlot(") >= 2
    # The script that draws is there once, however many plots there are.
    assert len(html) < len(report_page("# one", rd_figures(RESULT)[:1])) + 100_000


def test_published_curves_are_hidden_until_asked_for() -> None:
    lines = rd_figures(RESULT)[0]["data"]
    assert [line.get("visible", True) for line in lines[:2]] == [True, True]
    published = lines[2:]
    assert "mbt2018 (published)" in {line["name"] for line in published}
    assert all(line["visible"] == "legendonly" for line in published)
