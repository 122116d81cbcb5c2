from aecodec.evaluation.rd.published import published_kodak


def test_curves_are_complete_and_grow() -> None:
    curves = published_kodak()
    assert len(curves) == 11
    for name, curve in curves.items():
        assert curve.source, name
        assert list(curve.bpp) == sorted(curve.bpp), name
        assert list(curve.psnr) == sorted(curve.psnr), name
        assert len(curve.bpp) == len(curve.psnr) >= 4, name
        if curve.ms_ssim:
            assert len(curve.ms_ssim) == len(curve.bpp), name
            assert 0.8 < min(curve.ms_ssim) <= max(curve.ms_ssim) < 1, name
