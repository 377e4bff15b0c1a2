# UnHype in a container:  docker build -t unhype . && docker run --rm unhype --help
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    METAFLOW_USER=unhype \
    MLFLOW_DISABLE_TELEMETRY=true \
    DVC_NO_ANALYTICS=1 \
    HF_HUB_DISABLE_TELEMETRY=1 \
    DO_NOT_TRACK=1

RUN useradd --create-home --uid 1000 unhype && mkdir /app && chown unhype /app
WORKDIR /app

# pip first: the resolver of an old pip does not come back from this stack.
# The dependencies are a layer of their own: only a change of these two files installs them again.
COPY pyproject.toml constraints.txt ./
RUN python -m pip install --upgrade -c constraints.txt pip \
 && python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > /tmp/requirements.txt \
 && pip install -c constraints.txt -r /tmp/requirements.txt \
 && rm /tmp/requirements.txt

COPY --chown=unhype . .
RUN pip install --no-deps -e .

USER unhype
ENTRYPOINT ["unhype"]
CMD ["--help"]
