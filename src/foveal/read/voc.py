"""Pascal VOC: Annotations/*.xml beside JPEGImages/, with ImageSets/Main/*.txt, or each .xml beside its image."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml.sax import parse

from foveal.annotations import Instance, Objects
from foveal.images.sources import FileImage
from foveal.read.instances import ImageIndex, InstanceCheck, read_headers, size_fault, split_in
from foveal.read.names import natural_key, natural_sorted, read_lines, refuse, split_of
from foveal.read.reader import Reader
from foveal.read.writing import (
    check_instances,
    copy_image,
    free_name,
    new_folder,
    relative_name,
    require_no_groups,
    shown_size,
)
from foveal.types import Dataset, Sample, Split

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_SETS = "ImageSets/Main"


def read_voc(path: Path) -> Dataset:
    """The images and boxes of Pascal VOC's .xml files below `path`, in natural order.

    An annotation's image has its name: `JPEGImages/x.jpg` for `Annotations/x.xml`, or the file that lies beside it.
    Splits are the lists in ImageSets/Main (trainval counts as train where there is no train), else folders named like
    splits. Classes are the names that occur, in natural order. VOC counts pixels from 1 and a box's last ones belong to
    it; where any coordinate in the folder is below 1 they are taken to be counted from 0, between pixels, as newer
    tools write them.

    Raises DataError that lists up to 20 problems with file and line: broken XML, boxes that are empty, inverted,
    doubled or outside, images with two annotations, images without beside some that have one, annotations without an
    image, sizes that differ from the image's.
    """
    index = ImageIndex(path)
    problems: list[str] = []
    files = sorted((name for name in index.others if name.lower().endswith(".xml")), key=natural_key)
    parsed = {name: found for name in files if (found := _parsed(path / name, name, problems)) is not None}
    stems = {PurePosixPath(name).stem for name in files}
    splits = _listed_splits(path, stems, problems)
    images = _images(parsed, index, problems)
    missing = sorted(splits.keys() - stems, key=natural_key)
    problems += [f"{_SETS}: {name} is listed and has no annotation" for name in missing]
    bare, elsewhere = _without_annotation(index, set(images.values()))
    problems += [f"{name}: has no annotation; an image without objects needs an .xml without any" for name in bare]
    classes = natural_sorted(thing.name for found in parsed.values() for thing in found.things)
    one_based = all(min(thing.corners()[:2], default=1) >= 1 for found in parsed.values() for thing in found.things)
    samples = []
    headers = read_headers([path / image for image in images.values()])
    for (name, image), header in zip(images.items(), headers, strict=True):
        found = parsed[name]
        stem = PurePosixPath(name).stem
        fault = size_fault(header, found.size_hw()) if header is not None and all(found.size_hw()) else ""
        if fault:
            problems.append(f"{name}:{found.size_line}: {image} {fault}")
        size_hw = None if header is None else header.size_hw
        check = InstanceCheck(size_hw, problems)
        for thing in found.things:
            check.add(thing.instance(classes.index(thing.name), one_based=one_based), f"{name}:{thing.line}")
        split = splits[stem] if splits and stem in splits else None if splits else _folder_split(image)
        samples.append(
            Sample(
                id=image,
                image=FileImage(path / image),
                split=split,
                annotation=Objects(tuple(check.instances)),
                size_hw=size_hw,
            )
        )
    refuse(path, problems)
    others = [name for name in index.others if name not in parsed and not name.startswith("ImageSets/")]
    return Dataset(
        name=path.resolve().name,
        format=VOC.name,
        root=path,
        classes=classes,
        samples=tuple(samples),
        ignored=tuple(sorted(others + elsewhere)),
    )


def recognises_voc(path: Path) -> bool:
    """A folder with Annotations/*.xml, or with .xml files beside images in it or in folders of it."""
    if not path.is_dir():
        return False
    folders = [path, *(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))]
    return any(_is_annotation(file) for folder in folders for file in folder.glob("*.xml"))


def write_voc(dataset: Dataset, path: Path) -> None:
    """Copies the images to `path/JPEGImages/` and writes their `Annotations/` and the splits' lists.

    Raises DataError for what the format can't hold: groups.
    """
    check_instances(dataset)
    require_no_groups(dataset, "voc")
    with new_folder(path) as folder:
        for each in ("Annotations", _SETS):
            (folder / each).mkdir(parents=True)
        taken: dict[str, int] = {}
        lists: dict[Split, list[str]] = {}
        for sample in dataset.samples:
            name = PurePosixPath("JPEGImages", _flat_name(sample, taken))
            copy_image(sample, folder / name)
            size_hw = shown_size(sample, folder / name)
            tree = ElementTree(_element(sample, name.name, size_hw, dataset.classes))
            indent(tree)
            tree.write(folder / "Annotations" / f"{name.stem}.xml", encoding="utf-8")
            if sample.split is not None:
                lists.setdefault(sample.split, []).append(name.stem)
        for split, stems in lists.items():
            (folder / _SETS / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems), encoding="utf-8")


@dataclass(slots=True)
class _Thing:
    """An <object> as it is written."""

    line: int
    name: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def corners(self) -> list[float]:
        return [float(self.fields[corner]) for corner in _CORNERS if corner in self.fields]

    def instance(self, label: int, *, one_based: bool) -> Instance:
        x1, y1, x2, y2 = self.corners()
        first = 1.0 if one_based else 0.0
        difficult = self.fields.get("difficult", "0").strip() not in ("", "0")
        return Instance(label=label, box_xyxy=(x1 - first, y1 - first, x2, y2), difficult=difficult)


class _Annotation(ContentHandler):
    """Takes in one file; SAX, because it tells the line."""

    def __init__(self) -> None:
        super().__init__()
        self.things: list[_Thing] = []
        self.size: dict[str, str] = {}
        self.size_line = 0
        self._path: list[str] = []
        self._text = ""

    def size_hw(self) -> tuple[int, int]:
        """As it is stated; zeros where it is not."""
        return round(float(self.size.get("height") or 0)), round(float(self.size.get("width") or 0))

    def startElement(self, name: str, attrs: object) -> None:
        self._path.append(name)
        self._text = ""
        line = self._locator.getLineNumber()  # type: ignore[attr-defined]
        if self._path[1:] == ["object"]:
            self.things.append(_Thing(line))
        elif self._path[1:] == ["size"]:
            self.size_line = line

    def characters(self, content: str) -> None:
        self._text += content

    def endElement(self, name: str) -> None:
        match self._path[1:]:
            case ["object", "name"]:
                self.things[-1].name = self._text.strip()
            case ["object", "bndbox", key] | ["object", ("difficult" as key)]:
                self.things[-1].fields[key] = self._text
            case ["size", key]:
                self.size[key] = self._text
        self._path.pop()
        self._text = ""


def _parsed(file: Path, name: str, problems: list[str]) -> _Annotation | None:
    """A file's annotation; None where it is none of Pascal VOC's. An object that can't be read is left out."""
    found = _Annotation()
    try:
        with file.open("rb") as opened:
            parse(opened, found)
        found.size_hw()
    except (SAXException, DefusedXmlException, ValueError) as error:
        problems.append(f"{name}: is no XML that is read: {error}")
        return None
    for thing in list(found.things):
        fault = _fault(thing)
        if fault:
            problems.append(f"{name}:{thing.line}: {fault}")
            found.things.remove(thing)
    return found


def _fault(thing: _Thing) -> str:
    if not thing.name:
        return "an object without a name"
    try:
        corners = thing.corners()
    except ValueError as error:
        return f"the box of {thing.name!r} is none: {error}"
    return "" if len(corners) == 4 else f"the box of {thing.name!r} lacks one of {', '.join(_CORNERS)}"


def _image(name: str, index: ImageIndex) -> str:
    """The image of an annotation file, by its name without the suffix."""
    file = PurePosixPath(name)
    folder = file.parent.with_name("JPEGImages") if file.parent.name == "Annotations" else file.parent
    found = index.with_stem(file.stem)
    near = [each for each in found if PurePosixPath(each).parent == folder] or found
    if len(near) != 1:
        raise LookupError(f"is there {len(near)} times" if near else "is not there")
    return near[0]


def _images(names: Iterable[str], index: ImageIndex, problems: list[str]) -> dict[str, str]:
    """Annotation file → its image, where that is there and no other file's."""
    first: dict[str, str] = {}
    for name in names:
        try:
            image = _image(name, index)
        except LookupError as error:
            problems.append(f"{name}: its image {error}")
            continue
        if first.setdefault(image, name) != name:
            problems.append(f"{name}: {image} is annotated in {first[image]} too; leave one")
    return {name: image for image, name in first.items()}


def _without_annotation(index: ImageIndex, annotated: set[str]) -> tuple[list[str], list[str]]:
    """The images that lack one: those that lie beside annotated ones, and those elsewhere, as masks do."""
    folders = {PurePosixPath(name).parent for name in annotated}
    without = sorted(set(index.paths()) - annotated, key=natural_key)
    beside = [name for name in without if PurePosixPath(name).parent in folders]
    return beside, [name for name in without if PurePosixPath(name).parent not in folders]


def _listed_splits(path: Path, stems: Set[str], problems: list[str]) -> dict[str, Split]:
    """Stem of a file's name → split, from ImageSets/Main. stems: those of all annotation files."""
    lists = {name: path / _SETS / f"{name}.txt" for name in ("train", "val", "test", "trainval")}
    found: dict[str, Split] = {}
    for name, file in lists.items():
        if not file.is_file() or (name == "trainval" and lists["train"].is_file()):
            continue
        split = split_of(name) or "train"
        for line, text in enumerate(read_lines(file), start=1):
            stem = _listed_stem(text.strip(), stems)
            if stem and found.setdefault(stem, split) != split:
                problems.append(f"{_SETS}/{file.name}:{line}: {stem} is listed for {found[stem]} too")
    return found


def _listed_stem(text: str, stems: Set[str]) -> str:
    """The name in a list's line, behind which a class's list has -1, 0 or 1; a name may hold spaces itself."""
    match text.rsplit(maxsplit=1):
        case [stem, "-1" | "0" | "1"] if text not in stems:
            return stem
    return text


def _folder_split(image: str) -> Split | None:
    return next((split for part in PurePosixPath(image).parts[:-1] if (split := split_in(part))), None)


def _is_annotation(file: Path) -> bool:
    with file.open("rb") as opened:
        return b"<annotation" in opened.read(1000)


def _flat_name(sample: Sample, taken: dict[str, int]) -> str:
    """A file name without folders whose stem no other image has: with the names of its folders where it needs them."""
    parts = relative_name(sample, {}, below=[]).parts
    names = ["_".join(parts[-depth:]) for depth in range(1, len(parts) + 1)]
    free = (name for name in names if PurePosixPath(name).stem.casefold() not in taken)
    return str(free_name(PurePosixPath(next(free, names[-1])), taken, by_stem=True))


def _element(sample: Sample, name: str, size_hw: tuple[int, int], classes: Sequence[str]) -> Element:
    root = Element("annotation")
    SubElement(root, "filename").text = name
    size = SubElement(root, "size")
    for key, pixels in zip(("height", "width"), size_hw, strict=True):
        SubElement(size, key).text = str(pixels)
    for instance in sample.known(Objects).instances:
        thing = SubElement(root, "object")
        SubElement(thing, "name").text = classes[instance.label]
        SubElement(thing, "difficult").text = str(int(instance.difficult))
        box = SubElement(thing, "bndbox")
        for corner, value in zip(_CORNERS, instance.box_xyxy, strict=True):
            SubElement(box, corner).text = f"{value + corner.endswith('min'):.3f}"
    return root


VOC = Reader(
    name="voc",
    title="Pascal VOC: Annotations/*.xml beside JPEGImages/, or each .xml beside its image",
    gives=(Objects,),
    unsupported=("outline", "crowd"),
    recognises=recognises_voc,
    read=read_voc,
    write=write_voc,
)
