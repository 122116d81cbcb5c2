"""CIFAR-10, protocol I: all test images ask, all training images answer, mAP@1000, unsupervised.

    python benchmarks/cifar10_hashing.py --data cifar10 --out benchmarks/results/cifar10_hashing

Ties are averaged. The images are a JPEG copy of CIFAR-10 (quality about 75), so figures are
not exactly comparable with published ones. ITQ (Gong and Lazebnik, 2011), LSH and the signs
of principal components work on the same network's features, and on pixels.
"""

from itertools import islice
from pathlib import Path
from typing import Any

import faiss as untyped
import numpy as np
import torch

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.evaluation.search.retrieval import mean_average_precision
from aecodec.hashing.torch_networks import TorchHash
from aecodec.hashing.weights import find, load
from aecodec.nn.device import choose_device
from aecodec.training.pictures import packed_images

faiss: Any = untyped
AT = 1000
PUBLISHED = {  # mAP@1000 at 64 bits, of the original images
    "TBH (Shen et al., CVPR 2020), VGG features": 0.578,
    "CIBHash (Qiu et al., IJCAI 2021), VGG features": 0.641,
    "SPQ (Jang and Cho, ICCV 2021), from scratch": 0.81,
}


def images(path: Path, limit: int | None) -> tuple[Any, Any]:
    """(uint8 (N, 32, 32, 3), labels) of a packed file."""
    pixels = [np.asarray(image) for image in islice(packed_images(path), limit)]
    with np.load(path) as arrays:
        labels = arrays["labels"]
    return np.stack(pixels), labels[:limit].astype(np.int64)


def run_model(model: Any, pixels: Any, device: torch.device) -> tuple[Any, Any]:
    """(features float32, packed codes)."""
    features, codes = [], []
    with torch.inference_mode():
        for start in range(0, len(pixels), 500):
            x = torch.from_numpy(pixels[start : start + 500]).to(device).permute(0, 3, 1, 2) / 255
            found = model.encoder(x)
            features.append(found.float().cpu().numpy())
            codes.append(np.packbits((model.logits_of(found) >= 0).cpu().numpy(), axis=1))
    return np.concatenate(features), np.concatenate(codes)


def classic(name: str, train: Any, bits: int) -> Any:
    """A function from vectors to packed codes."""
    mean = train.mean(0)
    centred = np.ascontiguousarray(train - mean, dtype=np.float32)
    if name == "LSH":
        transform = faiss.RandomRotationMatrix(centred.shape[1], bits)
        transform.init(0)
    elif name == "PCA-sign":
        transform = faiss.PCAMatrix(centred.shape[1], bits)
        transform.train(centred)
    else:
        transform = faiss.ITQTransform(centred.shape[1], bits, True)
        transform.train(centred)

    def codes(x: Any) -> Any:
        moved = transform.apply(np.ascontiguousarray(x - mean, dtype=np.float32))
        return np.packbits(moved >= 0, axis=1)

    return codes


def main() -> None:
    parser = arguments(__doc__, data="train_jpeg.npz, test_jpeg.npz")
    parser.add_argument("--model", default="hash-cifar10", help="name or weight file")
    parser.add_argument("--limit", type=int, help="only so many images of each file")
    parser.add_argument("--train-only", action="store_true", help="ask with training images")
    args = parser.parse_args()
    device = choose_device("auto")
    loaded = load(find(args.model), device.type)
    assert isinstance(loaded.networks, TorchHash)
    model = loaded.networks.model
    train, train_labels = images(args.data / "train_jpeg.npz", args.limit)
    if args.train_only:  # to try things without a look at the test set
        queries, query_labels = train[::5], train_labels[::5]
        keep = np.arange(len(train)) % 5 > 0
        train, train_labels = train[keep], train_labels[keep]
    else:
        queries, query_labels = images(args.data / "test_jpeg.npz", args.limit)
    features, codes = run_model(model, train, device)
    query_features, query_codes = run_model(model, queries, device)
    vectors = {
        "features": (features, query_features),
        "pixels": (train.reshape(len(train), -1) / 255, queries.reshape(len(queries), -1) / 255),
    }
    report: dict[str, Any] = {"weights": loaded.fingerprint, "map": {}}
    lines = []

    def score(name: str, bits: int, database: Any, asked: Any) -> None:
        value = mean_average_precision(asked, database, query_labels, train_labels, AT)
        report["map"].setdefault(name, {})[bits] = value
        print(f"{name}, {bits} bits: {value:.4f}", flush=True)

    for bits in loaded.config.lengths:
        score("aecodec", bits, codes[:, : bits // 8], query_codes[:, : bits // 8])
        for kind, (database, asked) in vectors.items():
            for name in ("ITQ", "LSH", "PCA-sign"):
                encode = classic(name, database, bits)
                score(f"{name} on {kind}", bits, encode(database), encode(asked))
    for name, values in report["map"].items():
        lines.append([name, *(f"{value:.3f}" for value in values.values())])
    lengths = loaded.config.lengths
    for name, value in PUBLISHED.items():
        lines.append([name, *(f"{value:.3f}" if bits == 64 else "–" for bits in lengths)])
    header = ["mAP@1000", *(f"{bits} bits" for bits in lengths)]
    text = f"# CIFAR-10, protocol I\n\n{len(queries)} queries, {len(train)} images.\n\n"
    text += markdown_table(header, lines)
    write_result(args.out / "cifar10_hashing.json", report, text)
    print(text)


if __name__ == "__main__":
    main()
