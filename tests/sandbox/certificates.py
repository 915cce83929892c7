# GNU General Public License v3.0+
"""A certificate authority in a folder, and the leaf certificates that it signs, all made with openssl."""

import os
import subprocess


def openssl(*args, stdin=None):
    done = subprocess.run(["openssl", *args], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"openssl {args[0]}: {done.stderr.strip()}")
    return done.stdout


def certificate_authority(folder, name):
    """Creates a self-signed CA (ca.crt, ca.key) in this folder, unless it exists."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    cert, key = os.path.join(folder, "ca.crt"), os.path.join(folder, "ca.key")
    if not os.path.exists(cert):
        openssl(
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "3650",
            "-subj",
            f"/CN={name}",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
            "-keyout",
            key,
            "-out",
            cert,
        )
    return cert, key


def certificate(folder, name, sans, days=825):
    """Creates a leaf certificate (NAME.crt, NAME.key) signed by the folder's CA, unless it exists."""
    cert, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    if not os.path.exists(cert):
        authority, authority_key = certificate_authority(folder, "monq sandbox")
        request = openssl(
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/O=monq sandbox",
            "-keyout",
            key,
        )
        extension = os.path.join(folder, name + ".ext")
        with open(extension, "w", encoding="utf-8") as file:
            file.write(
                "subjectAltName=" + ",".join(sans) + "\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
            )
        openssl(
            "x509",
            "-req",
            "-CA",
            authority,
            "-CAkey",
            authority_key,
            "-CAcreateserial",
            "-days",
            str(days),
            "-extfile",
            extension,
            "-out",
            cert,
            stdin=request,
        )
        os.unlink(extension)
    return cert, key
