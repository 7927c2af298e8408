"""JUnit's XML as Ant's tasks and Jenkins read it, for `xmlschema`: there is no official schema.

Where the two differ, the stricter stands: everything Ant's wants is there in its order, and
nothing that Jenkins' doesn't know.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

import xmlschema

_COUNT = 'type="xs:nonNegativeInteger" use="required"'
_NAME = 'type="name" use="required"'

SCHEMA = f"""
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="name">
    <xs:restriction base="xs:token"><xs:minLength value="1"/></xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="moment">
    <xs:restriction base="xs:dateTime">
      <xs:pattern value="\\d{{4}}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d"/>
    </xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="seconds">
    <xs:restriction base="xs:decimal"><xs:pattern value="\\d{{1,3}}(\\.\\d*)?"/></xs:restriction>
  </xs:simpleType>
  <xs:complexType name="property">
    <xs:attribute name="name" {_NAME}/>
    <xs:attribute name="value" type="xs:string" use="required"/>
  </xs:complexType>
  <xs:complexType name="problem">
    <xs:simpleContent>
      <xs:extension base="xs:string">
        <xs:attribute name="message" type="xs:string" use="required"/>
        <xs:attribute name="type" type="xs:string" use="required"/>
      </xs:extension>
    </xs:simpleContent>
  </xs:complexType>
  <xs:complexType name="case">
    <xs:choice minOccurs="0">
      <xs:element name="failure" type="problem"/>
      <xs:element name="error" type="problem"/>
    </xs:choice>
    <xs:attribute name="name" {_NAME}/>
    <xs:attribute name="classname" {_NAME}/>
    <xs:attribute name="time" type="seconds" use="required"/>
  </xs:complexType>
  <xs:complexType name="suite">
    <xs:sequence>
      <xs:element name="properties">
        <xs:complexType>
          <xs:sequence>
            <xs:element name="property" type="property" minOccurs="0" maxOccurs="unbounded"/>
          </xs:sequence>
        </xs:complexType>
      </xs:element>
      <xs:element name="testcase" type="case" minOccurs="0" maxOccurs="unbounded"/>
      <xs:element name="system-out" type="xs:string"/>
      <xs:element name="system-err" type="xs:string"/>
    </xs:sequence>
    <xs:attribute name="name" {_NAME}/>
    <xs:attribute name="package" {_NAME}/>
    <xs:attribute name="id" {_COUNT}/>
    <xs:attribute name="timestamp" type="moment" use="required"/>
    <xs:attribute name="hostname" {_NAME}/>
    <xs:attribute name="tests" {_COUNT}/>
    <xs:attribute name="failures" {_COUNT}/>
    <xs:attribute name="errors" {_COUNT}/>
    <xs:attribute name="time" type="seconds" use="required"/>
  </xs:complexType>
  <xs:element name="testsuites">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="testsuite" type="suite" minOccurs="0" maxOccurs="unbounded"/>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""


def validated(text: str) -> ET.Element:
    """Return the document, which the schema accepts."""
    xmlschema.XMLSchema(SCHEMA).validate(text)
    return ET.fromstring(text)  # noqa: S314  # imgrec wrote it
