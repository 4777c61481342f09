"""How a hand covered a slide: parts put together, area, way, edge against middle, and the drawing, by known figures."""

import cmath
import math
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from scipy.stats import hypergeom

from smearwatch.clients.quality.area import Outline, cover, route_um
from smearwatch.clients.quality.coverage import coverage_of
from smearwatch.clients.quality.coverage_lines import coverage_lines, edge_text, unplaced_text
from smearwatch.clients.quality.edge import edge_json
from smearwatch.clients.quality.joining import join
from smearwatch.clients.quality.map_svg import legend, map_svg
from smearwatch.clients.quality.slide_map import PlacedCell, PlacedField, SlideMap
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.placement import Placement

WIDE, HIGH = 100.0, 60.0


def laid(number, x, y, *, part=0, turn_deg=0.0, name=None):
    """Lay a field of 100 x 60 um with its middle at a place."""
    turn = cmath.rect(1, math.radians(turn_deg))
    right, down = turn * WIDE / 2, turn * 1j * HIGH / 2
    middle = complex(x, y)
    corners = (middle - right - down, middle + right - down, middle + right + down, middle - right + down)
    return PlacedField(number, f"{number:064x}", name or f"{number}.jpg", part, middle, corners, HIGH)


def test_a_point_goes_to_the_slide_and_back():
    placement = Placement("placed", 0, 250.0, 40.0, 90.0, 1.1)
    size = complex(WIDE, HIGH)
    assert placement.to_slide(size / 2, size) == 250 + 40j
    # Turned by a quarter, what was right of the middle lies below it.
    assert placement.to_slide(size / 2 + 10, size) == pytest.approx(250 + 51j)
    assert placement.to_frame(placement.to_slide(3 + 4j, size), size) == pytest.approx(3 + 4j)


def test_the_area_of_two_fields_is_less_than_twice_one():
    fields = [laid(1, 0, 0), laid(2, 50, 0), laid(3, 50, 0, turn_deg=30)]
    assert cover([*enumerate(fields[:1])]).area_um2 == pytest.approx(WIDE * HIGH, rel=0.03)
    assert cover([*enumerate(fields[:2])]).area_um2 == pytest.approx(1.5 * WIDE * HIGH, rel=0.03)
    assert cover([(0, fields[2])]).area_um2 == pytest.approx(WIDE * HIGH, rel=0.03)


def test_what_is_come_back_to_is_no_overlap_of_neighbours():
    there = [laid(1, 0, 0), laid(2, 50, 0), laid(3, 100, 0)]
    assert cover([*enumerate(there)]).again_um2 == 0
    back = [*there, laid(4, 50, 0)]  # its right half overlaps with the field before it
    assert cover([*enumerate(back)]).again_um2 == pytest.approx(WIDE * HIGH / 2, rel=0.03)
    far = [*there, laid(4, 400, 0), laid(5, 0, 0)]
    assert cover([*enumerate(far)]).again_um2 == pytest.approx(WIDE * HIGH, rel=0.03)


def test_the_way_is_measured_within_parts():
    fields = [laid(1, 0, 0), laid(2, 30, 40), laid(3, 0, 0, part=5), laid(4, 0, 7, part=5)]
    assert route_um(fields) == pytest.approx(57)


def test_depth_is_the_distance_to_the_outline():
    outline = Outline([laid(1, 0, 0), laid(2, 200, 0)])  # from -50 to 250, -30 to 30
    assert outline.depth_um(np.array([[100.0, 0.0], [-40.0, 0.0], [100.0, 25.0], [300.0, 0.0]])) == pytest.approx(
        [30, 10, 5, -50]
    )
    inner = outline.inner(10.0, np.array([100.0, 0.0]))
    assert sorted(map(tuple, inner.round(6).tolist())) == [(-40, -20), (-40, 20), (240, -20), (240, 20)]


def test_parts_that_show_the_same_leukocytes_are_put_together():
    motion = cmath.rect(1.02, 0.3), 500 - 80j  # from island 4 to island 1
    cells = [10 + 10j, 80 - 20j, 45 + 60j]
    motions = join([1, 4, 6, 9], [{4: z, 1: motion[0] * z + motion[1]} for z in cells] + [{6: 1 + 1j, 4: 2 + 2j}])
    assert {island: each.part for island, each in motions.items()} == {1: 1, 4: 1, 6: 6, 9: 9}
    assert motions[4].at(33 + 44j) == pytest.approx(motion[0] * (33 + 44j) + motion[1])
    # And on from there: 6 lies beside 4, which lies in 1 already.
    more = [{6: z + 5, 4: z} for z in (0j, 70 + 0j)]
    motions = join([1, 4, 6], [{4: z, 1: motion[0] * z + motion[1]} for z in cells] + more)
    assert motions[6].part == motions[1].part == motions[4].part
    turned = motions[6].at(5 + 0j), motions[4].at(0j)
    assert turned[0] == pytest.approx(turned[1])


@pytest.mark.parametrize(
    "places",
    [
        [{1: 0j, 2: 0j}],  # one cell leaves the turn open
        [{1: 0j, 2: 0j}, {1: 20 + 0j, 2: 20 + 0j}],  # too near each other
        [{1: 0j, 2: 0j}, {1: 100 + 0j, 2: 120 + 0j}],  # no field is so much larger than another
        [{1: 0j, 2: 0j}, {1: 100 + 0j, 2: 100 + 0j}, {1: 50 + 50j, 2: 50 - 50j}],  # a mirror, or another cell
    ],
)
def test_what_does_not_tell_leaves_parts_alone(places):
    assert {each.part for each in join([1, 2], places).values()} == {1, 2}


def test_edge_against_middle_by_known_tables():
    same = edge_json({"segmented": 50, "lymphocyte": 30}, {"segmented": 50, "lymphocyte": 30})
    assert (same["p"], same["differs"]) == (1.0, False)
    other = edge_json({"segmented": 30, "monocyte": 20}, {"segmented": 48, "monocyte": 2})
    assert other["differs"]
    assert other["p"] == 1 / 10000  # none of the tables drawn is so far away
    assert other["classes"]["monocyte"]["more"] == "edge"
    assert other["classes"]["segmented"]["more"] == "middle"
    two_sided = 2 * hypergeom(100, 22, 50).sf(19)
    assert other["classes"]["monocyte"]["p"] == pytest.approx(2 * two_sided, abs=1e-6)  # Holm, of two classes
    assert other == edge_json({"segmented": 30, "monocyte": 20}, {"segmented": 48, "monocyte": 2})
    few = edge_json({"segmented": 9}, {"segmented": 50})
    assert (few["p"], few["differs"]) == (None, False)


def test_the_probability_is_that_of_chance():
    """Where both sides are alike, p is below 0.05 in about one of twenty."""
    rng = np.random.default_rng(3)
    names = ["segmented", "lymphocyte", "monocyte"]
    low = 0
    for _ in range(100):
        edge, middle = (dict(zip(names, map(int, rng.multinomial(60, (0.6, 0.3, 0.1))), strict=True)) for _ in range(2))
        low += edge_json(edge, middle)["differs"]
    assert low <= 11


def field_map():
    """A square of 5 x 8 fields, lymphocytes all over it and monocytes along its border, and a field that is alone."""
    fields = [laid(1 + x + 5 * y, x * 90, y * 55, name="<b>&.jpg") for y in range(8) for x in range(5)]
    slide = SlideMap(True, [*fields, laid(41, 0, 0, part=7), laid(42, 0, 0, part=8)])
    slide.cells = [PlacedCell("lymphocyte", 0, complex(x, y)) for x in range(-40, 400, 40) for y in range(-20, 410, 40)]
    slide.cells += [PlacedCell("monocyte", 0, complex(x, y)) for x in range(-40, 400, 20) for y in (-25, 410)]
    slide.cells += [PlacedCell("band", 7, 0j)]
    return slide


def test_a_map_in_figures():
    coverage = coverage_of("monday", field_map())
    report = coverage.report
    assert report["fields"]["placed"] == 40
    assert unplaced_text(report) == "2 fields (41, 42)"
    assert report["area_mm2"] == pytest.approx((4 * 90 + WIDE) * (7 * 55 + HIGH) / 1e6, rel=0.01)
    assert report["parts"] == [40]
    assert report["cells"]["all"] - report["cells"]["placed"] == 1
    edge = report["edge"]
    assert edge["classes"]["monocyte"] == {
        "edge": 44,
        "middle": 0,
        "p": edge["classes"]["monocyte"]["p"],
        "more": "edge",
    }
    assert "more monocyte at the edge (" in edge_text(report)
    assert "more lymphocyte in the middle" in "\n".join(coverage_lines(report))


def test_leukocytes_of_no_class_are_on_the_map_and_compared_with_nothing():
    slide, before = field_map(), coverage_of("monday", field_map()).report["edge"]
    assert list(legend(slide)) == list(CLASSES)
    own, other = "leukocyte:atypical_lymphocyte", "leukocyte:odd"
    slide.cells += [PlacedCell("neutrophil", 0, 180 + 190j), PlacedCell(own, 0, -40 - 25j), PlacedCell(other, 7, 0j)]
    report = coverage_of("monday", slide).report
    others = {"neutrophil": {"edge": 0, "middle": 1}, own: {"edge": 1, "middle": 0}}
    assert report["edge"] == before | {"others": others}
    assert "not compared: atypical lymphocyte, 1 at the edge, 0 in the middle" in "\n".join(coverage_lines(report))
    forms = legend(slide)
    assert list(forms) == [*CLASSES, "neutrophil", own]  # the other one lies where nothing is drawn
    assert len(set(forms.values())) == len(forms)
    titles = [each.text for each in Xml.fromstring(map_svg(slide, None)).iter("{http://www.w3.org/2000/svg}title")]
    assert (titles.count("neutrophil, band or segmented not told"), titles.count("atypical lymphocyte")) == (1, 1)


def test_the_map_is_drawn_from_texts_that_cannot_become_markup():
    slide = field_map()
    coverage = coverage_of("monday", slide)
    svg = Xml.fromstring(map_svg(slide, coverage.halves))
    kinds = [each.get("class") for each in svg.iter()]
    assert (kinds.count("field"), kinds.count("dot"), kinds.count("route")) == (40, len(slide.cells) - 1, 39)
    titles = [each.text for each in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert "field 1: <b>&.jpg" in titles
    assert {"outline", "inner"} <= set(kinds)
    low, high = (float(each) for each in svg.attrib["viewBox"].split()[2:])
    for shape in svg.iter("{http://www.w3.org/2000/svg}polygon"):
        points = [tuple(map(float, point.split(","))) for point in shape.attrib["points"].split()]
        assert all(0 <= x <= low and 0 <= y <= high for x, y in points)


def test_what_cannot_be_told_is_said():
    assert "not placed on the slide" in "\n".join(coverage_lines(coverage_of("monday", SlideMap()).report))
    alone = SlideMap(True, [laid(1, 0, 0, part=1), laid(2, 0, 0, part=2)])
    assert "no two of its fields overlap" in "\n".join(coverage_lines(coverage_of("monday", alone).report))
    assert map_svg(alone, None) == ""
    row = SlideMap(True, [laid(1, 0, 0), laid(2, 80, 0), laid(3, 160, 0)])
    assert "about one field wide" in edge_text(coverage_of("monday", row).report)
