"""Requests about the photos of a classifier."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from imgrec.classifiers import PhotoStatus, check_class_name
from imgrec.data.images import ImageSpec
from imgrec.data.records import Photo
from imgrec.errors import BadImage, RunError
from imgrec.progress import Progress
from imgrec.serve.classifiers.folder import Classifiers
from imgrec.serve.classifiers.requests import (
    PRIVATE,
    PhotoHashes,
    PhotoLabel,
    PhotosLabel,
    PhotosQuery,
    StatusQuery,
    described,
    json_response,
    matches,
    page_of,
    read_file,
    tagged,
)
from imgrec.serve.classify import photos_of
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal
from imgrec.serve.reading import read_body, read_query
from imgrec.serve.service import Service
from imgrec.workflows import teaching
from imgrec.workflows.teaching import Classifier

_TYPES = {
    "jpg": "image/jpeg",
    "tif": "image/tiff",
    "ppm": "image/x-portable-pixmap",
    "heic": "image/heic",
}


def photo_state(classifiers: Classifiers, request: HttpRequest) -> int:
    """Return the revision in which a photo was changed last."""
    return classifiers.get(request.path["name"]).photo(request.path["sha256"]).changed


async def add_to_class(
    service: Service, classifiers: Classifiers, request: HttpRequest
) -> HttpResponse:
    """Add photos to a class."""
    return await _added(service, classifiers, request, request.path["class"])


async def add_others(
    service: Service, classifiers: Classifiers, request: HttpRequest
) -> HttpResponse:
    """Add photos that have no class."""
    if request.query.get("status") is None:
        raise Refusal(
            400,
            "the class of the photos is missing",
            hint="send them to .../classes/CLASS/photos, or use ?status=unsure or ?status=none",
        )
    return await _added(service, classifiers, request, None)


async def _added(
    service: Service, classifiers: Classifiers, request: HttpRequest, class_name: str | None
) -> HttpResponse:
    classifier = classifiers.get(request.path["name"])
    status: PhotoStatus = "labelled"
    if class_name is None:
        status = read_query(request, StatusQuery).status
    else:
        check_class_name(class_name)
    forms = await asyncio.to_thread(lambda: classifier.forms)
    given = _photos(request)
    decoded = await asyncio.gather(*(_decoded(service, each, forms) for each in given))
    return await asyncio.to_thread(_add, classifier, decoded, class_name, status)


async def _decoded(
    service: Service, photo: Photo, forms: tuple[ImageSpec, ImageSpec]
) -> Photo | teaching.DecodedPhoto:
    try:
        pixels, grey = await service.decode(photo, forms)
    except BadImage as error:
        return Photo(photo.name, BadImage(error.name, error.reason))
    if not isinstance(photo.source, bytes):
        raise TypeError("the source of a photo is not bytes")
    return teaching.DecodedPhoto(photo.name, photo.source, pixels, grey[..., 0])


def _add(
    classifier: Classifier,
    photos: Sequence[Photo | teaching.DecodedPhoto],
    class_name: str | None,
    status: PhotoStatus,
) -> HttpResponse:
    added = classifier.add(photos, class_name, status=status)
    refused = all(each.outcome == "refused" for each in added)
    return json_response(teaching.added_document(added, classifier), 422 if refused else 200)


def _photos(request: HttpRequest) -> Sequence[Photo]:
    found = [each for each in photos_of(request) if each.source]
    if not found:
        raise Refusal.no_photo()
    return found


def list_photos(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """List photos."""
    classifier, wanted = classifiers.get(request.path["name"]), read_query(request, PhotosQuery)
    found = classifier.photos(
        wanted.class_name, status=wanted.status, after=wanted.after, limit=wanted.limit + 1
    )
    shown, following = page_of(request, found, wanted.limit, lambda each: each.sha256)
    documents = [teaching.photo_document(each) for each in shown]
    return json_response({"photos": documents, "next": following})


def describe_photo(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Describe a photo."""
    photo = classifiers.get(request.path["name"]).photo(request.path["sha256"])
    return described(request, teaching.photo_document(photo), photo.changed)


def patch_photo(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Relabel a photo."""
    classifier, sha256 = classifiers.get(request.path["name"]), request.path["sha256"]
    wanted = read_body(request, PhotoLabel)
    photo = classifier.label(sha256, wanted.class_name, status=wanted.status)
    found = {
        "photo": teaching.photo_document(photo),
        "standing": teaching.standing_document(classifier),
    }
    return json_response(found, 200, tagged(photo.changed))


def label_photos(
    classifiers: Classifiers, request: HttpRequest, progress: Progress
) -> HttpResponse:
    """Relabel several photos."""
    classifier = classifiers.get(request.path["name"])
    wanted = read_body(request, PhotosLabel)
    photos = classifier.label_photos(
        wanted.photos,
        wanted.class_name,
        status=wanted.status,
        unchanged_since=wanted.unchanged_since,
        progress=progress,
    )
    found = {
        "photos": [teaching.photo_document(each) for each in photos],
        "revision": max((each.changed for each in photos), default=classifier.revision),
        "standing": teaching.standing_document(classifier),
    }
    return json_response(found)


def delete_photo(
    classifiers: Classifiers, request: HttpRequest, progress: Progress
) -> HttpResponse:
    """Delete a photo for ever."""
    classifier, sha256 = classifiers.get(request.path["name"]), request.path["sha256"]
    done = classifier.forget([sha256], progress)
    return json_response(teaching.forgotten_document(done, classifier))


def forget_photos(
    classifiers: Classifiers, request: HttpRequest, progress: Progress
) -> HttpResponse:
    """Delete several photos for ever."""
    classifier = classifiers.get(request.path["name"])
    hashes = read_body(request, PhotoHashes).photos
    for each in hashes:
        classifier.photo(each)
    done = classifier.forget(hashes, progress)
    return json_response(teaching.forgotten_document(done, classifier))


def photo_content(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Return the file of a photo."""
    classifier = classifiers.get(request.path["name"])
    photo = classifier.photo(request.path["sha256"])
    tags = tagged(photo.sha256)
    if matches(request.headers.get("if-none-match", ""), tags):
        return HttpResponse(b"", status=304, headers=tags)
    content = _file(classifier, photo.sha256)
    kind = _TYPES.get(photo.suffix, f"image/{photo.suffix}")
    return HttpResponse(content, kind, 200, PRIVATE | tags)


async def photo_thumbnail(
    service: Service, classifiers: Classifiers, request: HttpRequest
) -> HttpResponse:
    """Return a small picture of a photo."""
    sha256 = request.path["sha256"]
    tags = tagged(sha256)
    classifier = await asyncio.to_thread(classifiers.get, request.path["name"])
    await asyncio.to_thread(classifier.photo, sha256)
    if matches(request.headers.get("if-none-match", ""), tags):
        return HttpResponse(b"", status=304, headers=tags)
    content = await asyncio.to_thread(classifier.kept_thumbnail, sha256)
    if content is None:
        photo = Photo(sha256, await asyncio.to_thread(_file, classifier, sha256))
        (small,) = await service.decode_small(photo)
        content = await asyncio.to_thread(classifier.keep_thumbnail, sha256, small)
    return HttpResponse(content, "image/webp", 200, PRIVATE | tags)


def _file(classifier: Classifier, sha256: str) -> bytes:
    """Return the file of a photo; raise NotFound if it is deleted by now."""
    try:
        return read_file(classifier.path(sha256))
    except RunError:
        classifier.photo(sha256)
        raise
